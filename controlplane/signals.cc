// Blocks signals and reads them from a descriptor.
#include "controlplane/signals.h"

#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace cp {

crypto::Result<Signals> Signals::block() {
  // The peer of a shared-memory port may go away while a driver writes to it.
  if (::signal(SIGPIPE, SIG_IGN) == SIG_ERR)
    return crypto::fail(fmt::format("cannot ignore SIGPIPE: {}", std::strerror(errno)));
  sigset_t set;
  sigemptyset(&set);
  for (const int number : {SIGINT, SIGTERM, SIGHUP}) sigaddset(&set, number);
  const int blocked = pthread_sigmask(SIG_BLOCK, &set, nullptr);
  if (blocked != 0)
    return crypto::fail(fmt::format("cannot block signals: {}", std::strerror(blocked)));
  const int fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
  if (fd < 0) return crypto::fail(fmt::format("cannot wait for signals: {}", std::strerror(errno)));
  return Signals(fd);
}

Signals::~Signals() {
  if (fd_ >= 0) ::close(fd_);
}

Signals::Signals(Signals&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}

Wake Signals::take() {
  signalfd_siginfo signal{};
  if (::read(fd_, &signal, sizeof signal) != static_cast<ssize_t>(sizeof signal))
    return Wake::timeout;
  return signal.ssi_signo == SIGHUP ? Wake::reload : Wake::stop;
}

}  // namespace cp

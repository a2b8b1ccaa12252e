// Doorbell: the eventfd that wakes the control thread.
#include <sys/eventfd.h>
#include <unistd.h>

#include "crypto/base/error.h"
#include "dataplane/api/seam.h"

namespace dp {

Doorbell::Doorbell() : fd_(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) { CHECK(fd_ >= 0); }

Doorbell::~Doorbell() { ::close(fd_); }

void Doorbell::is_awake() {
  asleep_.store(false);
  std::uint64_t rings = 0;
  // Nothing to read is the usual case: it woke because of something else.
  if (::read(fd_, &rings, sizeof rings) < 0) return;
}

void Doorbell::wake() {
  if (!asleep_.exchange(false)) return;
  const std::uint64_t one = 1;
  // Cannot block and cannot overflow: one write for each sleep.
  CHECK(::write(fd_, &one, sizeof one) == sizeof one);
}

}  // namespace dp

// Talks to the control socket.
#include "tools/ctl/session.h"

#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

namespace ctl {
namespace {

constexpr std::size_t kLineMax = 1 << 20;  // no row of a right gateway is that long

crypto::Status why_not(const std::string& path) {
  const char* hint = "";
  if (errno == ENOENT || errno == ECONNREFUSED)
    hint = ": is resurged running, with [control] socket = this path?";
  return crypto::fail(fmt::format("{}: {}{}", path, std::strerror(errno), hint));
}

std::string mistakes_of(const Json& answer) {
  std::string text = answer["error"].is_string() ? answer["error"].get<std::string>() : "refused";
  if (!answer.contains("mistakes")) return text;
  for (const Json& mistake : answer["mistakes"])
    if (mistake.is_string()) text += "\n" + mistake.get<std::string>();
  return text;
}

}  // namespace

crypto::Result<Session> Session::open(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path)
    return crypto::fail(fmt::format("{}: the name is too long for a socket", path));
  std::ranges::copy(path, address.sun_path);
  Session session(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const auto* generic = static_cast<const sockaddr*>(static_cast<const void*>(&address));
  if (session.fd_ < 0 || ::connect(session.fd_, generic, sizeof address) != 0)
    return std::unexpected(why_not(path).error());
  return session;
}

Session::~Session() {
  if (fd_ >= 0) ::close(fd_);
}

Session::Session(Session&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)), read_(std::move(other.read_)) {}

crypto::Status Session::send(const std::string& line) {
  for (std::size_t sent = 0; sent < line.size();) {
    const ssize_t put = ::send(fd_, line.data() + sent, line.size() - sent, MSG_NOSIGNAL);
    if (put < 0 && errno == EINTR) continue;
    if (put < 0)
      return crypto::fail(fmt::format("the gateway went away: {}", std::strerror(errno)));
    sent += static_cast<std::size_t>(put);
  }
  return {};
}

crypto::Result<std::string> Session::next_line() {
  std::size_t end = read_.find('\n');
  while (end == std::string::npos) {
    if (read_.size() > kLineMax) return crypto::fail("the gateway's answer has no end");
    std::array<char, 65536> octets;
    const ssize_t got = ::recv(fd_, octets.data(), octets.size(), 0);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return crypto::fail("the gateway went away before its answer was complete");
    const std::size_t before = read_.size();
    read_.append(octets.data(), static_cast<std::size_t>(got));
    end = read_.find('\n', before);
  }
  std::string line = read_.substr(0, end);
  read_.erase(0, end + 1);
  return line;
}

crypto::Result<Json> Session::ask(const Json& request,
                                  const std::function<void(const Json&)>& on_row) {
  if (const auto sent = send(request.dump() + "\n"); !sent) return std::unexpected(sent.error());
  while (true) {
    const auto line = next_line();
    if (!line) return std::unexpected(line.error());
    const Json answer = Json::parse(*line, nullptr, false);
    if (!answer.is_object()) return crypto::fail("the gateway's answer is no JSON object");
    if (answer.contains("error")) return crypto::fail(mistakes_of(answer));
    if (answer.contains("done")) return answer["done"];
    if (!answer.contains("row")) return crypto::fail("the gateway's answer is none that is known");
    on_row(answer["row"]);
  }
}

}  // namespace ctl

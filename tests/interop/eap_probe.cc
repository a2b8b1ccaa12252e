// The pass-through as a program: EAP packets on standard input and output, RADIUS on the other
// side.
//
// The first line of input names the servers and, when it is not to be asked for, the identity:
//     ADDRESS PORT SECRET [ADDRESS PORT SECRET ...] [identity NAME]
// Then it writes "request HEX" and reads the client's response as a line of hex, until it writes
// "success MSK IDENTITY FRAMED-IP SESSION-TIMEOUT" or "failure REASON". Status 2: it was misused.
#include <fmt/format.h>
#include <poll.h>
#include <spdlog/sinks/stdout_sinks.h>

#include <chrono>
#include <iostream>
#include <sstream>

#include "controlplane/eap_authenticator.h"
#include "tests/support/hex.h"

namespace {

using Progress = cp::EapAuthenticator::Progress;

std::uint64_t now_ms() {
  const auto now = std::chrono::steady_clock::now().time_since_epoch();
  return static_cast<std::uint64_t>(
      std::chrono::duration_cast<std::chrono::milliseconds>(now).count());
}

bool read_setup(cp::RadiusSettings& radius, cp::EapSettings& eap) {
  std::string line, word, port, secret;
  std::getline(std::cin, line);
  std::istringstream words(line);
  while (words >> word) {
    if (word == "identity") return static_cast<bool>(words >> eap.identity);
    const auto address = cp::parse_address(word);
    if (!address || !(words >> port >> secret)) return false;
    const support::Octets octets(secret.begin(), secret.end());
    radius.servers.push_back({.name = word + ":" + port,
                              .address = *address,
                              .port = static_cast<std::uint16_t>(std::stoi(port)),
                              .secret = crypto::SecretBytes(octets)});
  }
  return true;
}

// As the control thread does it: descriptors, then timers.
void wait(cp::RadiusClient& client) {
  std::vector<pollfd> waiting;
  for (const int fd : client.fds()) waiting.push_back({.fd = fd, .events = POLLIN, .revents = 0});
  const std::uint64_t now = now_ms(), deadline = client.next_deadline_ms();
  ::poll(waiting.data(), waiting.size(), deadline > now ? static_cast<int>(deadline - now) : 0);
  for (const pollfd& one : waiting)
    if (one.revents != 0) client.on_readable(one.fd, now_ms());
  client.on_timer(now_ms());
}

void report(const cp::EapAuthenticator& eap) {
  if (eap.progress() == Progress::failure) {
    fmt::print("failure {}\n", cp::eap_failure_text(eap.failure()));
    return;
  }
  fmt::print("success {} {} {} {}\n", support::to_hex(eap.msk()), eap.identity(),
             eap.framed_ip4() ? cp::address_text(*eap.framed_ip4()) : "-",
             eap.session_timeout_s().value_or(0));
}

}  // namespace

int main() {
  cp::RadiusSettings radius{.servers = {}, .timeout_ms = 200, .tries = 2, .sockets = 2};
  cp::EapSettings settings;
  if (!read_setup(radius, settings)) return 2;
  spdlog::logger log("probe", std::make_shared<spdlog::sinks::stderr_sink_st>());
  const auto client = cp::RadiusClient::open(std::move(radius), log);
  if (!client) {
    fmt::print(stderr, "{}\n", client.error().text);
    return 2;
  }
  cp::EapAuthenticator eap(settings, {"192.0.2.7[4500]", "192.0.2.1[4500]"}, **client, 1);
  eap.start(now_ms());
  while (eap.progress() == Progress::waiting || eap.progress() == Progress::send_request) {
    if (eap.progress() == Progress::waiting) {
      wait(**client);
      continue;
    }
    fmt::print("request {}\n", support::to_hex(eap.request()));
    std::fflush(stdout);
    std::string line;
    if (!std::getline(std::cin, line)) return 2;
    eap.on_response(support::from_hex(line), now_ms());
  }
  report(eap);
  return 0;
}

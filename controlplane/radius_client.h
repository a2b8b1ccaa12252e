// RadiusClient: asks RADIUS servers without ever waiting, for the one loop of the control thread.
//
// The loop polls `fds()`, calls `on_readable` for those that have something and `on_timer` when
// `next_deadline_ms` has come. Each answer goes to the receiver that asked; its token is then in
// `take_progressed()`.
//
// A conversation begins with the first server that is believed alive and stays with the server that
// has answered (RFC 2865 §5.24: State belongs to it). A request is sent again with the intervals of
// RFC 5080 §2.2.1, unchanged. A server that leaves all tries of a request without any answer is
// dead for kRadiusDeadMs; then one conversation tries it, once, before it moves on. Control thread
// only; throws nothing but std::bad_alloc.
#pragma once

#include <spdlog/logger.h>

#include <array>
#include <cstdint>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "controlplane/radius_packet.h"
#include "controlplane/radius_socket.h"
#include "crypto/base/error.h"
#include "crypto/random.h"

namespace cp {

inline constexpr std::uint32_t kRadiusTimeoutMaxMs = 60'000;
inline constexpr std::uint64_t kRadiusIntervalMaxMs = 16'000;  // RFC 5080 §2.2.1: MRT
inline constexpr std::uint64_t kRadiusDeadMs = 60'000;
inline constexpr std::size_t kRadiusServersMax = 16;

struct RadiusEndpoint {
  std::string name;  // for the log
  Address address;
  std::uint16_t port = 1812;
  crypto::SecretBytes secret;
};

struct RadiusSettings {
  std::vector<RadiusEndpoint> servers;  // the first one alive is asked
  std::uint32_t timeout_ms = 1000;      // until a request is sent again the first time
  std::uint32_t tries = 3;              // of one server
  std::uint32_t sockets = 4;            // of one server: ports, with 256 requests outstanding each
};

struct RadiusCounters {
  std::uint64_t requests = 0, retransmissions = 0;
  std::uint64_t accepts = 0, rejects = 0, challenges = 0;
  std::uint64_t timeouts = 0;     // requests that nobody answered
  std::uint64_t failovers = 0;    // requests that went on to another server
  std::uint64_t refused = 0;      // requests that were not sent: too many outstanding, or too long
  std::uint64_t bad_answers = 0;  // dropped: see RadiusFault
  std::uint64_t unexpected = 0;   // dropped: no request has this identifier
  std::uint64_t send_errors = 0;  // the kernel took no datagram; the next try may do better
};
struct RadiusCounterRow {
  std::string_view name;
  std::uint64_t RadiusCounters::*value;
  std::string_view meaning;
};
inline constexpr auto kRadiusCounterRows = std::to_array<RadiusCounterRow>({
    {"requests", &RadiusCounters::requests, "Access-Requests sent for the first time"},
    {"retransmissions", &RadiusCounters::retransmissions, "... sent again"},
    {"accepts", &RadiusCounters::accepts, "Access-Accepts"},
    {"rejects", &RadiusCounters::rejects, "Access-Rejects"},
    {"challenges", &RadiusCounters::challenges, "Access-Challenges"},
    {"timeouts", &RadiusCounters::timeouts, "requests that no server answered"},
    {"failovers", &RadiusCounters::failovers, "requests that went on to another server"},
    {"refused", &RadiusCounters::refused, "requests not sent: too many outstanding, or too long"},
    {"bad_answers", &RadiusCounters::bad_answers, "answers dropped: forged or malformed"},
    {"unexpected", &RadiusCounters::unexpected, "answers dropped: no request waits for them"},
    {"send_errors", &RadiusCounters::send_errors, "datagrams that the kernel did not take"},
});
static_assert(kRadiusCounterRows.size() * sizeof(std::uint64_t) == sizeof(RadiusCounters),
              "every counter has a row");

// Who asked. The answer is its own to move from; null when no server answered.
class RadiusReceiver {
 public:
  virtual void on_radius(RadiusAnswer* answer, std::size_t server, std::uint64_t now_ms) = 0;

 protected:
  ~RadiusReceiver() = default;
};

class RadiusClient {
 public:
  using RequestId = std::uint64_t;  // never 0
  static constexpr std::size_t kAnyServer = ~std::size_t{0};

  // Fails when a server, a secret or a number is out of range, or no socket can be had. A server
  // that cannot be reached at this moment is no failure.
  static crypto::Result<std::unique_ptr<RadiusClient>> open(RadiusSettings settings,
                                                            spdlog::logger& log);
  RadiusClient(const RadiusClient&) = delete;
  RadiusClient& operator=(const RadiusClient&) = delete;

  // Sends. `receiver` must live until it was called or the request is cancelled. `server`: where
  // the conversation is already going on; kAnyServer for its first request.
  crypto::Result<RequestId> submit(RadiusRequest request, std::size_t server,
                                   RadiusReceiver& receiver, std::uint64_t token,
                                   std::uint64_t now_ms);
  // The receiver will not be called. An unknown id is ignored.
  void cancel(RequestId id);

  const std::vector<int>& fds() const { return fds_; }  // the same for its lifetime
  void on_readable(int fd, std::uint64_t now_ms);
  void on_timer(std::uint64_t now_ms);
  std::uint64_t next_deadline_ms() const;  // UINT64_MAX: nothing is waited for

  // The tokens of those that were called since, in order.
  std::vector<std::uint64_t> take_progressed();

  const RadiusCounters& counters() const { return counters_; }
  std::size_t outstanding() const { return pending_.size(); }
  bool alive(std::size_t server) const { return servers_[server].dead_until_ms == 0; }

 private:
  struct Server {
    RadiusEndpoint endpoint;
    std::vector<RadiusSocket> sockets;
    std::uint64_t dead_until_ms = 0;  // 0: alive, as far as we know
    std::uint64_t heard_ms = 0;       // its last right answer
    std::uint64_t complained_ms = 0;  // the last line about a wrong one
  };
  struct Pending {
    RadiusRequest request;
    RadiusReceiver* receiver = nullptr;
    std::uint64_t token = 0;
    bool pinned = false;      // to its server
    std::vector<bool> asked;  // servers that it does not go to (any more)
    std::size_t server = 0;
    RadiusSocket* socket = nullptr;  // null between two servers
    RadiusExchange exchange;
    std::vector<std::uint8_t> packet;
    std::uint32_t tries_left = 0;
    std::uint64_t begun_ms = 0;     // when this server was asked first
    std::uint64_t interval_ms = 0;  // that has passed before the next deadline
    std::uint64_t deadline_ms = 0;
  };

  RadiusClient(RadiusSettings settings, spdlog::logger& log);
  crypto::Status open_sockets();
  std::size_t choose(const Pending& pending, std::uint64_t now_ms) const;
  crypto::Status begin(RequestId id, Pending& pending, std::uint64_t now_ms);
  crypto::Status begin_at(RequestId id, Pending& pending, std::size_t index, std::uint64_t now_ms);
  RadiusSocket* free_socket(Server& server);
  void transmit(RequestId id, Pending& pending, std::uint64_t interval_ms, std::uint64_t now_ms);
  void release(RequestId id, Pending& pending);
  void give_up(RequestId id, Pending& pending, std::uint64_t now_ms);
  void finish(RequestId id, RadiusAnswer* answer, std::uint64_t now_ms);
  void on_datagram(Server& server, RadiusSocket& socket, crypto::Bytes datagram,
                   std::uint64_t now_ms);
  void complain(Server& server, RadiusFault fault, std::uint64_t now_ms);

  std::vector<Server> servers_;
  std::uint32_t timeout_ms_, tries_, sockets_;
  spdlog::logger& log_;
  crypto::Random random_;
  std::unordered_map<RequestId, Pending> pending_;  // references into it stay valid
  std::set<std::pair<std::uint64_t, RequestId>> deadlines_;
  RequestId next_id_ = 1;
  std::vector<int> fds_;
  std::vector<std::uint64_t> progressed_;
  RadiusCounters counters_;
};

}  // namespace cp

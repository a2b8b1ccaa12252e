// Sends Access-Requests, sends them again, moves on to other servers, and hands the answers out.
#include "controlplane/radius_client.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <utility>

namespace cp {
namespace {

constexpr int kDatagramsPerCall = 64;  // then the loop looks at its other descriptors
constexpr std::uint64_t kComplainEveryMs = 10'000;

crypto::Status check_settings(const RadiusSettings& s) {
  if (s.servers.empty() || s.servers.size() > kRadiusServersMax)
    return crypto::fail(
        fmt::format("RADIUS: {} servers; expected 1 to {}", s.servers.size(), kRadiusServersMax));
  for (const RadiusEndpoint& server : s.servers) {
    if (server.port == 0) return crypto::fail(fmt::format("RADIUS server {}: port 0", server.name));
    if (server.secret.empty() || server.secret.size() > kRadiusSecretMax)
      return crypto::fail(
          fmt::format("RADIUS server {}: the shared secret has {} octets; expected "
                      "1 to {}",
                      server.name, server.secret.size(), kRadiusSecretMax));
  }
  if (s.timeout_ms == 0 || s.timeout_ms > kRadiusTimeoutMaxMs)
    return crypto::fail(fmt::format("RADIUS: a timeout of {} ms; expected 1 to {}", s.timeout_ms,
                                    kRadiusTimeoutMaxMs));
  if (s.tries == 0 || s.tries > 16)
    return crypto::fail(fmt::format("RADIUS: {} tries; expected 1 to 16", s.tries));
  if (s.sockets == 0 || s.sockets > 64)
    return crypto::fail(fmt::format("RADIUS: {} sockets a server; expected 1 to 64", s.sockets));
  return {};
}

}  // namespace

crypto::Result<std::unique_ptr<RadiusClient>> RadiusClient::open(RadiusSettings settings,
                                                                 spdlog::logger& log) {
  if (crypto::Status status = check_settings(settings); !status)
    return std::unexpected(status.error());
  std::unique_ptr<RadiusClient> client(new RadiusClient(std::move(settings), log));
  if (crypto::Status status = client->open_sockets(); !status)
    return std::unexpected(status.error());
  return client;
}

RadiusClient::RadiusClient(RadiusSettings settings, spdlog::logger& log)
    : timeout_ms_(settings.timeout_ms),
      tries_(settings.tries),
      sockets_(settings.sockets),
      log_(log) {
  for (RadiusEndpoint& endpoint : settings.servers)
    servers_.emplace_back().endpoint = std::move(endpoint);
}

crypto::Status RadiusClient::open_sockets() {
  for (Server& server : servers_) {
    for (std::uint32_t i = 0; i < sockets_; ++i) {
      auto socket = RadiusSocket::open(server.endpoint.address, server.endpoint.port);
      if (!socket) return std::unexpected(socket.error());
      fds_.push_back(socket->fd());
      server.sockets.push_back(std::move(*socket));
    }
  }
  return {};
}

// The first server of the file that is alive, or has been dead long enough to be tried; when all
// are dead, the one that has been for longest.
std::size_t RadiusClient::choose(const Pending& pending, std::uint64_t now_ms) const {
  std::size_t best = kAnyServer;
  for (std::size_t i = 0; i < servers_.size(); ++i) {
    if (pending.asked[i]) continue;
    if (servers_[i].dead_until_ms <= now_ms) return i;
    if (best == kAnyServer || servers_[i].dead_until_ms < servers_[best].dead_until_ms) best = i;
  }
  return best;
}

auto RadiusClient::submit(RadiusRequest request, std::size_t server, RadiusReceiver& receiver,
                          std::uint64_t token, std::uint64_t now_ms) -> crypto::Result<RequestId> {
  const RequestId id = next_id_++;
  Pending pending;
  pending.request = std::move(request);
  pending.receiver = &receiver;
  pending.token = token;
  pending.pinned = server != kAnyServer;
  pending.asked.assign(servers_.size(), pending.pinned);
  if (pending.pinned) pending.asked[server] = false;
  Pending& kept = pending_.emplace(id, std::move(pending)).first->second;
  if (crypto::Status status = begin(id, kept, now_ms); !status) {
    pending_.erase(id);
    ++counters_.refused;
    return std::unexpected(status.error());
  }
  ++counters_.requests;
  return id;
}

// Asks the next server that has room.
crypto::Status RadiusClient::begin(RequestId id, Pending& pending, std::uint64_t now_ms) {
  crypto::Status status = crypto::fail("RADIUS: no server is left");
  for (std::size_t i = choose(pending, now_ms); i != kAnyServer; i = choose(pending, now_ms)) {
    pending.asked[i] = true;
    status = begin_at(id, pending, i, now_ms);
    if (status) return status;
  }
  return status;
}

crypto::Status RadiusClient::begin_at(RequestId id, Pending& pending, std::size_t index,
                                      std::uint64_t now_ms) {
  Server& server = servers_[index];
  RadiusSocket* socket = free_socket(server);
  if (socket == nullptr)
    return crypto::fail(fmt::format("RADIUS server {}: {} requests are outstanding",
                                    server.endpoint.name, sockets_ * RadiusSocket::kIds));
  pending.exchange.id = *socket->take_id(id, random_);
  pending.exchange.secret = server.endpoint.secret.reveal();
  random_.fill(pending.exchange.authenticator);
  std::array<std::uint8_t, kRadiusPacketMax> buffer;
  const std::size_t len = write_access_request(pending.request, pending.exchange, buffer);
  if (len == 0) {
    socket->free_id(pending.exchange.id);
    return crypto::fail("RADIUS: the request would be longer than a packet can be");
  }
  pending.packet.assign(buffer.begin(), buffer.begin() + static_cast<std::ptrdiff_t>(len));
  pending.socket = socket;
  pending.server = index;
  pending.begun_ms = now_ms;
  pending.tries_left = tries_;
  if (server.dead_until_ms != 0 && server.dead_until_ms <= now_ms) {
    server.dead_until_ms = now_ms + kRadiusDeadMs;  // others do not try it meanwhile
    if (!pending.pinned) pending.tries_left = 1;
  }
  transmit(id, pending, timeout_ms_, now_ms);
  return {};
}

RadiusSocket* RadiusClient::free_socket(Server& server) {
  const std::size_t first = random_.below(server.sockets.size());
  for (std::size_t i = 0; i < server.sockets.size(); ++i) {
    RadiusSocket& socket = server.sockets[(first + i) % server.sockets.size()];
    if (socket.taken() < RadiusSocket::kIds) return &socket;
  }
  return nullptr;
}

// RFC 5080 §2.2.1: the intervals double up to MRT, each with a random tenth more or less.
void RadiusClient::transmit(RequestId id, Pending& pending, std::uint64_t interval_ms,
                            std::uint64_t now_ms) {
  if (!pending.socket->send(pending.packet)) ++counters_.send_errors;
  --pending.tries_left;
  pending.interval_ms =
      std::min(interval_ms, std::max<std::uint64_t>(timeout_ms_, kRadiusIntervalMaxMs));
  const std::uint64_t tenth = pending.interval_ms / 10;
  pending.deadline_ms = now_ms + pending.interval_ms - tenth + random_.below(2 * tenth + 1);
  deadlines_.emplace(pending.deadline_ms, id);
}

// Lets go of what the request holds at its server.
void RadiusClient::release(RequestId id, Pending& pending) {
  if (pending.socket == nullptr) return;
  deadlines_.erase({pending.deadline_ms, id});
  pending.socket->free_id(pending.exchange.id);
  pending.socket = nullptr;
}

void RadiusClient::cancel(RequestId id) {
  const auto it = pending_.find(id);
  if (it == pending_.end()) return;
  release(id, it->second);
  pending_.erase(it);
}

void RadiusClient::finish(RequestId id, RadiusAnswer* answer, std::uint64_t now_ms) {
  const auto it = pending_.find(id);
  release(id, it->second);
  RadiusReceiver* const receiver = it->second.receiver;
  const std::size_t server = it->second.server;
  progressed_.push_back(it->second.token);
  pending_.erase(it);  // before the call: the receiver may ask again at once
  receiver->on_radius(answer, server, now_ms);
}

void RadiusClient::give_up(RequestId id, Pending& pending, std::uint64_t now_ms) {
  Server& server = servers_[pending.server];
  if (server.heard_ms < pending.begun_ms) {
    if (server.dead_until_ms == 0)
      log_.warn("RADIUS server {} does not answer", server.endpoint.name);
    server.dead_until_ms = now_ms + kRadiusDeadMs;
  }
  release(id, pending);
  if (begin(id, pending, now_ms)) {
    ++counters_.failovers;
    return;
  }
  ++counters_.timeouts;
  finish(id, nullptr, now_ms);
}

void RadiusClient::on_timer(std::uint64_t now_ms) {
  while (!deadlines_.empty() && deadlines_.begin()->first <= now_ms) {
    const RequestId id = deadlines_.begin()->second;
    deadlines_.erase(deadlines_.begin());
    Pending& pending = pending_.at(id);
    if (pending.tries_left == 0) {
      give_up(id, pending, now_ms);
    } else {
      ++counters_.retransmissions;
      transmit(id, pending, 2 * pending.interval_ms, now_ms);
    }
  }
}

std::uint64_t RadiusClient::next_deadline_ms() const {
  return deadlines_.empty() ? std::numeric_limits<std::uint64_t>::max() : deadlines_.begin()->first;
}

void RadiusClient::on_readable(int fd, std::uint64_t now_ms) {
  for (Server& server : servers_) {
    for (RadiusSocket& socket : server.sockets) {
      if (socket.fd() != fd) continue;
      std::array<std::uint8_t, kRadiusPacketMax> buffer;
      for (int i = 0; i < kDatagramsPerCall; ++i) {
        const auto datagram = socket.receive(buffer);
        if (!datagram) return;
        on_datagram(server, socket, *datagram, now_ms);
      }
      return;
    }
  }
}

void RadiusClient::on_datagram(Server& server, RadiusSocket& socket, crypto::Bytes datagram,
                               std::uint64_t now_ms) {
  const RequestId id = datagram.size() < kRadiusHeaderLen ? 0 : socket.owner(datagram[1]);
  if (id == 0) {
    ++counters_.unexpected;
    return;
  }
  RadiusAnswer answer;
  const RadiusFault fault = parse_radius_answer(datagram, pending_.at(id).exchange, answer);
  if (fault != RadiusFault::none) {
    ++counters_.bad_answers;
    complain(server, fault, now_ms);
    return;
  }
  server.heard_ms = now_ms;
  if (std::exchange(server.dead_until_ms, 0) != 0)
    log_.info("RADIUS server {} answers again", server.endpoint.name);
  if (answer.code == RadiusCode::access_accept) ++counters_.accepts;
  if (answer.code == RadiusCode::access_reject) ++counters_.rejects;
  if (answer.code == RadiusCode::access_challenge) ++counters_.challenges;
  finish(id, &answer, now_ms);
}

// Anybody who can reach the port can cause these: a line now and then, the counter for the rest.
void RadiusClient::complain(Server& server, RadiusFault fault, std::uint64_t now_ms) {
  if (server.complained_ms != 0 && now_ms - server.complained_ms < kComplainEveryMs) return;
  server.complained_ms = now_ms;
  log_.warn("RADIUS server {}: an answer was dropped, it is {}", server.endpoint.name,
            radius_fault_text(fault));
}

std::vector<std::uint64_t> RadiusClient::take_progressed() {
  return std::exchange(progressed_, {});
}

}  // namespace cp

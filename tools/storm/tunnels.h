// Tunnels: the clients' ends of their Child SAs, and what they send through them.
//
// A client that comes up sends an echo request to the gateway's own address through its tunnel, and
// again with growing intervals until the reply has come: then it is *back*. A reply counts when its
// ICV is right under the keys that the client derived, its sequence number is new, and every octet
// of the inner packet is what the gateway should have made of the request.
//
// Beside that, steady traffic goes over sessions that are back, in turn: echo requests of a size
// and at a rate, which nobody repeats. What comes back of it is the goodput.
//
// The SPI of a client says who it is (child_offer.h). Memory: one record for each client. One
// thread; time as in crowd.h; no I/O.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "dataplane/arena.h"
#include "tools/storm/crowd.h"
#include "tools/storm/inner_echo.h"
#include "tools/storm/tunnel_crypto.h"

namespace storm {

struct TunnelConfig {
  std::uint32_t clients = 0;
  std::uint32_t first_client = 0;  // as in the crowd whose clients they are
  ike::Suite suite;
  // Where echo requests go: to the one whose family the client has an address of, IPv4 first.
  std::optional<ike::Ip4> target4;
  std::optional<ike::Ip6> target6;
  RetryPolicy retry;                   // of the echo that brings a client back
  std::uint32_t traffic_rate = 0;      // packets a second over all sessions; 0 = none
  std::uint32_t traffic_sessions = 0;  // the first so many that are back carry it; 0 = all
  std::uint32_t traffic_len = 84;      // octets of its inner packets
};

// When a packet of the traffic was sent.
enum class TrafficTime : std::uint8_t { storm, after };
inline constexpr std::size_t kTrafficTimes = 2;

// Written by one thread, readable by any.
struct TunnelTotals {
  dp::Counter waiting, back, given_up;  // clients; those without an address are given up
  dp::Counter no_address;               // of the family of a target
  dp::Counter sent, repeated;           // echo requests that bring clients back; of these, again
  dp::Counter wrong;                    // authentic, but not the reply to a request of this client
  dp::Counter wrong_icv;                // or not of whole blocks
  dp::Counter replayed;     // authentic, with a sequence number that came before, or too old
  dp::Counter late;         // right, for a client that is back or was given up
  dp::Counter unknown_spi;  // of no client that is up
  dp::Counter first_back_ns, last_back_ns;
  std::array<dp::Counter, kTrafficTimes> traffic_sent, traffic_answered;
};

class Tunnels final : public SessionSink {
 public:
  // Errors: a packet of the traffic too short or too long, no memory. All references outlive the
  // object; `next` is told of every client as well, and may be null.
  static crypto::Result<std::unique_ptr<Tunnels>> make(const TunnelConfig& config,
                                                       crypto::Engine& engine,
                                                       crypto::Random& random,
                                                       SessionSink* next = nullptr);
  ~Tunnels() override;

  void established(const Established& session) override;
  void failed(std::uint32_t client, Outcome outcome) override;

  // Any number of ESP packets from the SPI on, each for one of our clients.
  void receive(std::span<const crypto::Bytes> packets, std::uint64_t now_ns);
  // Fills `out` from the front, valid until the next call: first echoes, repetitions, traffic.
  std::size_t poll(std::uint64_t now_ns, std::span<Outgoing> out);

  // No client waits for its echo.
  bool done() const { return totals_.waiting.get() == 0; }
  // The storm is over: traffic counts as sent after it from here on.
  void storm_is_over() { traffic_time_ = TrafficTime::after; }
  void stop_traffic() { traffic_stopped_ = true; }
  // Clients that wait are given up.
  void give_up();
  // Whether a client's number, with first_client, is one of ours.
  bool has(std::uint32_t client) const { return client - config_.first_client < config_.clients; }

  const TunnelTotals& totals() const { return totals_; }
  const Histogram& latency() const { return *latency_; }        // ns, scheduled start to back
  const Histogram& round_trip() const { return *round_trip_; }  // ns, of those echoes
  const Histogram& traffic_latency(TrafficTime time) const {
    return traffic_latency_[static_cast<std::size_t>(time)];
  }

 private:
  struct Tunnel;
  struct Batch;
  Tunnels(const TunnelConfig& config, crypto::Engine& engine, crypto::Random& random,
          SessionSink* next);
  crypto::Status allocate();

  Tunnel& tunnel(std::uint32_t client);
  crypto::MutBytes keymat(std::uint32_t client);
  ike::ChildKeys keys(std::uint32_t client);
  bool choose_ends(Tunnel& t, const Credential& leases) const;
  void take(std::uint32_t client, const EspOpenLane& lane, std::uint64_t now_ns);
  void take_echo(std::uint32_t client, const EchoMark& mark, std::uint64_t now_ns);
  void take_traffic(const EchoMark& mark, std::uint64_t now_ns);
  void abandon(std::uint32_t client);

  // tunnels_send.cc
  std::size_t collect_echoes(std::uint64_t now_ns, std::span<std::uint32_t> clients);
  std::size_t collect_due(std::uint64_t now_ns, std::span<std::uint32_t> clients);
  std::size_t collect_traffic(std::uint64_t now_ns, std::span<std::uint32_t> clients);
  void arm(std::uint32_t client, std::uint64_t now_ns);
  void write(std::span<const std::uint32_t> clients, std::size_t echoes, std::uint64_t now_ns,
             std::span<Outgoing> out);

  const TunnelConfig config_;
  TunnelCrypto crypto_;
  crypto::Random& random_;
  SessionSink* next_;
  dp::Arena arena_;
  std::size_t stride_ = 0;
  std::unique_ptr<Batch> batch_;
  TimerWheel timers_;                 // by client
  std::vector<std::uint32_t> fresh_;  // clients whose first echo is to be sent, a ring
  std::size_t fresh_head_ = 0, fresh_count_ = 0;
  std::vector<std::uint32_t> carriers_;  // of traffic
  std::size_t next_carrier_ = 0;
  std::uint64_t traffic_epoch_ns_ = 0, traffic_due_ = 0;
  TrafficTime traffic_time_ = TrafficTime::storm;
  bool traffic_stopped_ = false;
  TunnelTotals totals_;
  std::unique_ptr<Histogram> latency_, round_trip_;
  std::vector<Histogram> traffic_latency_;  // by TrafficTime
};

}  // namespace storm

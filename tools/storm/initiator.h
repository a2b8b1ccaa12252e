// Initiator: up to millions of clients that resume their sessions, sans I/O and in batches.
//
//   Initiator storm(config, bag, engine, random, sink);
//   while (!storm.done()) {
//     storm.receive(messages, now);                  // what arrived
//     for (n = storm.poll(now, out); ...) send(...)  // what is to be sent
//   }
//
// Each client does both exchanges of RFC 5723 §4.3 and checks what comes back:
//
//   message 1 -> [COOKIE -> message 1 with it first ->] message 2 -> message 3 -> message 4
//
// A client is resumed when the ICV of message 4, IDr, the gateway's AUTH in the configured form and
// the Child SA are right. Answers that are not authentic (wrong ICV, unreadable, unknown SPI) are
// counted and not believed; the exception is TICKET_NACK and error notifies to message 1, which
// nobody can authenticate (RFC 5723 §4.3.2). Requests are retransmitted with exponential back-off;
// when message 3 stays unanswered the client may begin again with new SPIs (the gateway may have
// been restarted).
//
// SPIi = client(32) | random(32), so an answer finds its client by arithmetic. Memory: one byte and
// four octets for each client, a Flight for each resumption at a time, and with `dpd` the SK_e and
// SK_a of each session. One thread; time is given as nanoseconds of any monotonic clock.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "crypto/base/error.h"
#include "crypto/engine.h"
#include "crypto/random.h"
#include "dataplane/api/counters.h"
#include "dataplane/arena.h"
#include "ike/auth_exchange.h"
#include "ike/auth_value.h"
#include "ike/resume.h"
#include "tools/storm/flight.h"
#include "tools/storm/histogram.h"
#include "tools/storm/outcome.h"
#include "tools/storm/ticket_bag.h"
#include "tools/storm/timer_wheel.h"

namespace storm {

// RFC 7296 §2.1, §2.4: intervals grow exponentially; jitter keeps clients from marching in step.
struct RetryPolicy {
  std::uint64_t first_ns = 500'000'000;
  double factor = 1.8;
  double jitter = 0.1;     // each interval is multiplied by 1 - jitter .. 1 + jitter
  std::uint8_t tries = 5;  // transmissions of one request, the first included
  // A restarted gateway knows nothing of a message 1 that it answered before, so a client begins
  // again with new SPIs when message 3 stays unanswered. Too early, with message 4 lost, meets a
  // spent ticket.
  std::uint8_t restarts = 1;
  std::uint8_t tries_message3 = 0;  // before that; 0 = tries
};

// Addresses for NAT_DETECTION_*_IP (RFC 7296 §2.23): 4 or 16 octets each, and UDP ports.
struct Endpoints {
  std::array<std::uint8_t, 16> client{}, gateway{};
  std::uint16_t client_port = 0, gateway_port = 0;
  bool is_ip6 = false;
};
class EndpointSource {
 public:
  virtual ~EndpointSource() = default;
  virtual Endpoints endpoints(std::uint32_t client) const = 0;
};

struct InitiatorConfig {
  std::uint32_t clients = 0;     // the first so many of the bag
  std::uint32_t flights = 4096;  // resumptions at a time; sizeof(Flight) octets each
  std::uint32_t rate = 0;        // starts a second; 0 = as fast as `flights` allow
  ike::AuthForm auth_form = ike::AuthForm::rfc;
  ike::Suite child_suite;
  bool fragmentation = false;  // announce IKEV2_FRAGMENTATION_SUPPORTED
  bool ticket_request = true;  // ask for a new ticket
  bool dpd = false;            // afterwards one empty INFORMATIONAL on every session
  const EndpointSource* nat_detection = nullptr;  // null: no NAT_DETECTION_*
  RetryPolicy retry;
};

// A session as the client sees it once message 4 is verified. Views are valid during the call.
struct Established {
  std::uint32_t client = 0;
  ike::IkeSpi spi_i, spi_r;
  ike::IkeKeys keys;
  ike::EspSpi child_spi_in, child_spi_out;  // ours, the gateway's
  ike::ChildKeys child_keys;
  // For the next resumption: new SK_d, new ticket (empty when none came), leases as given.
  // expires_s is not set; the lifetime is relative.
  Credential renewed;
  std::uint32_t ticket_lifetime_s = 0;
};
// Told of every client once. May be null.
class SessionSink {
 public:
  virtual ~SessionSink() = default;
  virtual void established(const Established& session) = 0;
  virtual void failed(std::uint32_t client, Outcome outcome) = 0;
};

// Written by the initiator's thread, readable by any while it runs.
struct Totals {
  std::array<dp::Counter, kOutcomeCount> outcomes;
  dp::Counter started, in_flight;
  dp::Counter sent, received;                 // messages
  dp::Counter retransmissions;                // of any request
  dp::Counter restarts;                       // new SPIs after message 3 stayed unanswered
  dp::Counter cookies;                        // COOKIE challenges met
  dp::Counter late;                           // answers nobody waits for: duplicates, unknown SPIs
  dp::Counter unreadable;                     // answers that no parser takes, not authenticated
  dp::Counter wrong_icv;                      // messages whose integrity check failed
  dp::Counter address_kept, address_changed;  // of leases in the bag, on resumption
  dp::Counter tickets;                        // new ones received
  dp::Counter dpd_answered, dpd_failed;
  dp::Counter first_start_ns, last_resumed_ns;
  std::uint64_t resumed() const { return of(Outcome::resumed); }
  std::uint64_t of(Outcome o) const { return outcomes[static_cast<std::size_t>(o)].get(); }
};

// A message to send. Valid until the next call of receive() or poll().
struct Outgoing {
  std::uint32_t client = 0;
  bool first_exchange = true;  // IKE_SESSION_RESUME; what follows may go to another port
  crypto::Bytes message;       // from the first SPI octet; no non-ESP marker
};

// The client that an SPIi of ours names.
constexpr std::uint32_t client_of(ike::IkeSpi spi_i) {
  return static_cast<std::uint32_t>(spi_i.value() >> 32);
}

class Initiator {
 public:
  // Errors: more clients than records in the bag, no memory. All references outlive the initiator.
  static crypto::Result<std::unique_ptr<Initiator>> make(const InitiatorConfig& config,
                                                         const TicketBag& bag,
                                                         crypto::Engine& engine,
                                                         crypto::Random& random,
                                                         SessionSink* sink = nullptr);
  ~Initiator();

  // Any number of IKE messages (no marker). They are only read during the call.
  void receive(std::span<const crypto::Bytes> messages, std::uint64_t now_ns);
  // Fills `out` from the front with at most kBatchMax messages and returns how many: answers, then
  // retransmissions, then new starts. 0: nothing to send now.
  std::size_t poll(std::uint64_t now_ns, std::span<Outgoing> out);

  // Every client has an outcome, and DPD is over.
  bool done() const;
  // All have an outcome; DPD may still run.
  bool resumptions_done() const { return finished_ == config_.clients; }
  // Ends what is in flight, as not answered; clients that were not started stay pending.
  void give_up();

  const Totals& totals() const { return totals_; }
  const Histogram& latency() const { return *latency_; }          // ns, of resumed clients
  const Histogram& dpd_latency() const { return *dpd_latency_; }  // ns
  Outcome outcome(std::uint32_t client) const { return outcomes_[client]; }
  std::string_view engine_name() const { return engine_.name(); }

 private:
  struct Batch;
  static constexpr std::uint32_t kNoFlight = 0xffffffff;
  Initiator(const InitiatorConfig& config, const TicketBag& bag, crypto::Engine& engine,
            crypto::Random& random, SessionSink* sink);
  crypto::Status allocate();

  // initiator.cc: flights, timers, sending.
  std::uint32_t place_of(const Flight& f) const {
    return static_cast<std::uint32_t>(&f - flights_);
  }
  Flight& take_flight(std::uint32_t client, FlightState state, std::uint64_t scheduled_ns);
  void release(Flight& f);
  void finish(Flight& f, Outcome outcome);
  void enqueue(Flight& f);
  Outgoing send(Flight& f, std::uint64_t now_ns);
  std::size_t send_queued(std::uint64_t now_ns, std::span<Outgoing> out);
  std::size_t send_due(std::uint64_t now_ns, std::span<Outgoing> out);
  std::size_t start(std::uint64_t now_ns, std::span<Outgoing> out);
  bool next_is_due(std::uint64_t now_ns, std::uint32_t next, std::uint64_t epoch_ns,
                   std::uint64_t& scheduled_ns) const;
  bool out_of_tries(Flight& f);
  void begin(Flight& f);
  void write_message1(Flight& f, crypto::Bytes cookie);

  // initiator_answers.cc: what arrives.
  std::uint32_t place_named_by(crypto::Bytes message) const;
  void receive_batch(std::span<const crypto::Bytes> messages, std::uint64_t now_ns);
  void take_answer(Flight& f, crypto::Bytes message);
  void take_resume_answer(Flight& f, crypto::Bytes message);
  void take_protected(Flight& f, crypto::Bytes message, const ike::Header& header);
  void write_messages3();
  void open_protected(std::uint64_t now_ns);
  void take_auth_answer(Flight& f, const OpenLane& lane, std::uint64_t now_ns);
  Outcome judge(const Flight& f, const Credential& old, const ike::AuthAnswer& answer,
                ike::EspSpi& child_spi) const;
  bool child_is_sane(const Credential& old, const ike::AuthAnswer& answer,
                     ike::EspSpi& child_spi) const;
  void accept(Flight& f, const Credential& old, const ike::AuthAnswer& answer,
              ike::EspSpi child_spi, std::uint64_t now_ns);

  // initiator_dpd.cc: the INFORMATIONAL afterwards.
  void keep_for_dpd(const Flight& f, const ike::Suite& suite);
  std::size_t start_dpd(std::uint64_t now_ns, std::span<Outgoing> out);
  void take_dpd_answer(Flight& f, const OpenLane& lane, std::uint64_t now_ns);

  const InitiatorConfig config_;
  const TicketBag& bag_;
  crypto::Engine& engine_;
  crypto::Random& random_;
  SessionSink* sink_;
  FlightCrypto crypto_;
  ike::SelectorList any4_, any46_;

  dp::Arena flight_arena_, dpd_arena_;
  Flight* flights_ = nullptr;
  std::vector<std::uint32_t> free_;   // a stack: the flight used last is in the cache
  std::vector<std::uint32_t> ready_;  // places with something to send, a ring
  std::size_t ready_head_ = 0, ready_count_ = 0;
  std::vector<std::uint32_t> place_;  // by client; kNoFlight
  std::vector<Outcome> outcomes_;     // by client
  TimerWheel timers_;
  std::unique_ptr<Batch> batch_;
  std::size_t dpd_stride_ = 0;

  std::uint32_t next_client_ = 0, finished_ = 0;
  std::uint32_t next_dpd_ = 0, dpd_finished_ = 0;
  std::uint64_t epoch_ns_ = 0, dpd_epoch_ns_ = 0;  // the schedules count from here
  bool given_up_ = false;

  Totals totals_;
  std::unique_ptr<Histogram> latency_, dpd_latency_;
};

}  // namespace storm

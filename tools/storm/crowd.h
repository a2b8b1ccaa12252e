// Crowd: up to millions of clients that each go through two exchanges with the gateway: who starts
// when, what waits for its answer, what is sent again, and who has ended how.
//
//   while (!crowd.done()) {
//     crowd.receive(messages, now);                  // what arrived
//     for (n = crowd.poll(now, out); ...) send(...)  // what is to be sent
//   }
//
// What the messages say is for who derives from it: Initiator resumes sessions, Connector makes
// them by full handshakes. Requests are retransmitted with exponential back-off; when message 3
// stays unanswered the client may begin again with new SPIs (the gateway may have been restarted).
//
// SPIi = client(32) | random(32), so an answer finds its client by arithmetic. Clients are numbered
// from `first_client`, so that two crowds can share one wire. Memory: one octet and four for each
// client, a Flight for each one that is under way. One thread; time is given as nanoseconds of any
// monotonic clock; no I/O.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "crypto/base/error.h"
#include "crypto/random.h"
#include "dataplane/api/counters.h"
#include "dataplane/arena.h"
#include "ike/auth_exchange.h"
#include "ike/header.h"
#include "tools/storm/child_offer.h"
#include "tools/storm/flight.h"
#include "tools/storm/histogram.h"
#include "tools/storm/outcome.h"
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

struct CrowdConfig {
  std::uint32_t clients = 0;
  std::uint32_t first_client = 0;  // the number of the first; with `clients` it fits 32 bits
  std::uint32_t flights = 4096;    // under way at a time; sizeof(Flight) octets each
  std::uint32_t rate = 0;          // starts a second; 0 = as fast as `flights` allow
  RetryPolicy retry;
};

// A session as the client sees it once message 4 is verified. Views are valid during the call.
struct Established {
  std::uint32_t client = 0;        // counted from 0 in every crowd
  std::uint64_t scheduled_ns = 0;  // when the client wanted to start
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

// Written by the crowd's thread, readable by any while it runs.
struct Totals {
  std::array<dp::Counter, kOutcomeCount> outcomes;
  dp::Counter started, in_flight;
  dp::Counter sent, received;                 // messages
  dp::Counter retransmissions;                // of any request
  dp::Counter restarts;                       // new SPIs after message 3 stayed unanswered
  dp::Counter cookies;                        // COOKIE challenges met
  dp::Counter invalid_ke;                     // INVALID_KE_PAYLOAD met, and another group taken
  dp::Counter late;                           // answers nobody waits for: duplicates, unknown SPIs
  dp::Counter unreadable;                     // answers that no parser takes, not authenticated
  dp::Counter wrong_icv;                      // messages whose integrity check failed
  dp::Counter address_kept, address_changed;  // of leases in the bag, on resumption
  dp::Counter addresses;                      // given to connecting clients
  dp::Counter tickets;                        // new ones received
  dp::Counter dpd_answered, dpd_failed;
  dp::Counter first_start_ns, first_up_ns, last_up_ns;
  std::uint64_t resumed() const { return of(Outcome::resumed); }
  std::uint64_t up() const { return of(Outcome::resumed) + of(Outcome::connected); }
  std::uint64_t of(Outcome o) const { return outcomes[static_cast<std::size_t>(o)].get(); }
};

// A message to send. Valid until the next call of receive() or poll().
struct Outgoing {
  std::uint32_t client = 0;    // with first_client
  bool first_exchange = true;  // what follows may go to another port
  crypto::Bytes message;       // from the first SPI octet; no non-ESP marker
  bool is_esp = false;         // and not IKE
};

// The client that an SPIi of ours names, with first_client.
constexpr std::uint32_t client_of(ike::IkeSpi spi_i) {
  return static_cast<std::uint32_t>(spi_i.value() >> 32);
}

class Crowd {
 public:
  virtual ~Crowd();
  Crowd(const Crowd&) = delete;
  Crowd& operator=(const Crowd&) = delete;

  // Any number of IKE messages (no marker). They are only read during the call.
  void receive(std::span<const crypto::Bytes> messages, std::uint64_t now_ns);
  // Fills `out` from the front with at most kBatchMax messages and returns how many: answers, then
  // retransmissions, then new starts. 0: nothing to send now.
  std::size_t poll(std::uint64_t now_ns, std::span<Outgoing> out);

  // Nothing is to be waited for.
  virtual bool done() const { return given_up_ || everyone_has_ended(); }
  bool everyone_has_ended() const { return finished_ == crowd_.clients; }
  // Ends what is in flight, as not answered; clients that were not started stay pending.
  virtual void give_up();
  // Whether a client's number, with first_client, is one of this crowd's.
  bool has(std::uint32_t client) const { return client - crowd_.first_client < crowd_.clients; }

  const Totals& totals() const { return totals_; }
  const Histogram& latency() const { return *latency_; }  // ns, of clients that came up
  Outcome outcome(std::uint32_t client) const { return outcomes_[client]; }

 protected:
  static constexpr std::uint32_t kNoFlight = 0xffffffff;
  Crowd(const CrowdConfig& config, crypto::Random& random, SessionSink* sink);
  crypto::Status allocate_flights();

  // What the exchanges consist of. `cookie` is empty or what the gateway asked for.
  virtual void write_message1(Flight& f, crypto::Bytes cookie) = 0;
  // Before a burst of answers, for each one of an open flight with its SPIi, and after the burst.
  virtual void begin_burst() = 0;
  virtual void take_answer(Flight& f, crypto::Bytes message, const ike::Header& header) = 0;
  virtual void end_burst(std::uint64_t now_ns) = 0;
  // A client is about to start soon, so that its record can be fetched.
  virtual void expect(std::uint32_t client) { static_cast<void>(client); }
  // Once all have started.
  virtual std::size_t start_more(std::uint64_t now_ns, std::span<Outgoing> out);
  // A flight whose request stays unanswered and whose client has its outcome already.
  virtual void lapse(Flight& f) { release(f); }

  Flight& flight(std::uint32_t place) { return flights_[place]; }
  std::uint32_t place_of(const Flight& f) const {
    return static_cast<std::uint32_t>(&f - flights_);
  }
  bool given_up() const { return given_up_; }
  bool has_free_flight() const { return !free_.empty(); }
  Flight& take_flight(std::uint32_t client, FlightState state, std::uint64_t scheduled_ns);
  void release(Flight& f);
  void finish(Flight& f, Outcome outcome);
  // A client whose message 4 was right in every respect, with this Child SA of the gateway's.
  // `renewed` has its suite and identities; what message 4 gave is filled in.
  void establish(Flight& f, Outcome success, const ChildOffer& child, ike::EspSpi child_spi,
                 const ike::AuthAnswer& answer, Credential renewed, std::uint64_t now_ns);
  // The flight's request is a new one: it is sent at the next poll().
  void enqueue(Flight& f);
  Outgoing send(Flight& f, std::uint64_t now_ns);
  // RFC 7296 §2.6: message 1 again, with the cookie first. A gateway that takes none of our cookies
  // is not obeyed for ever.
  void answer_cookie(Flight& f, crypto::Bytes cookie);
  bool next_is_due(std::uint64_t now_ns, std::uint32_t next, std::uint64_t epoch_ns,
                   std::uint64_t& scheduled_ns) const;

  crypto::Random& random_;
  SessionSink* sink_;
  Totals totals_;
  std::unique_ptr<Histogram> latency_;
  std::vector<Outcome> outcomes_;  // by client

 private:
  void receive_batch(std::span<const crypto::Bytes> messages, std::uint64_t now_ns);
  std::uint32_t place_named_by(crypto::Bytes message) const;
  void sort_answer(Flight& f, crypto::Bytes message);
  std::size_t send_queued(std::uint64_t now_ns, std::span<Outgoing> out);
  std::size_t send_due(std::uint64_t now_ns, std::span<Outgoing> out);
  std::size_t start(std::uint64_t now_ns, std::span<Outgoing> out);
  bool out_of_tries(Flight& f);
  void count_up(const Flight& f, std::uint64_t now_ns);
  void begin(Flight& f);

  const CrowdConfig crowd_;
  dp::Arena flight_arena_;
  Flight* flights_ = nullptr;
  std::vector<std::uint32_t> free_;   // a stack: the flight used last is in the cache
  std::vector<std::uint32_t> ready_;  // places with something to send, a ring
  std::size_t ready_head_ = 0, ready_count_ = 0;
  std::vector<std::uint32_t> place_;  // by client; kNoFlight
  TimerWheel timers_;
  std::uint32_t next_client_ = 0, finished_ = 0;
  std::uint64_t epoch_ns_ = 0;  // the schedule counts from here
  bool given_up_ = false;
};

}  // namespace storm

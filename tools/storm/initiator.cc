// Flights, timers and everything that is sent.
#include "tools/storm/initiator.h"

#include <algorithm>
#include <utility>

#include "crypto/base/secret.h"
#include "tools/storm/initiator_batch.h"

namespace storm {
namespace {

constexpr std::uint64_t kSecondNs = 1'000'000'000;
constexpr std::uint32_t kAhead = 8;  // records asked for before their clients start

ike::SelectorList everything(bool with_ip6) {
  ike::SelectorList list;
  constexpr std::array<std::uint8_t, 16> kZero{};
  list.items[list.count++] =
      ike::selector_of(ike::TsType::ipv4_addr_range, crypto::Bytes(kZero).first(4), 0);
  if (with_ip6) list.items[list.count++] = ike::selector_of(ike::TsType::ipv6_addr_range, kZero, 0);
  return list;
}

void wipe(Flight& f) {
  crypto::secure_zero(f.keymat.data(), sizeof f.keymat);
  crypto::secure_zero(f.auth_r.data(), sizeof f.auth_r);
  crypto::secure_zero(f.child_keymat.data(), sizeof f.child_keymat);
}

}  // namespace

crypto::Result<std::unique_ptr<Initiator>> Initiator::make(const InitiatorConfig& config,
                                                           const TicketBag& bag,
                                                           crypto::Engine& engine,
                                                           crypto::Random& random,
                                                           SessionSink* sink) {
  if (config.clients == 0 || config.clients > bag.count())
    return crypto::fail("asked for " + std::to_string(config.clients) +
                        " clients, the ticket bag " + "has " + std::to_string(bag.count()) +
                        " records");
  if (config.flights == 0) return crypto::fail("no resumption may be in flight");
  std::unique_ptr<Initiator> storm(new Initiator(config, bag, engine, random, sink));
  if (const crypto::Status s = storm->allocate(); !s) return std::unexpected(s.error());
  return storm;
}

Initiator::Initiator(const InitiatorConfig& config, const TicketBag& bag, crypto::Engine& engine,
                     crypto::Random& random, SessionSink* sink)
    : config_(config),
      bag_(bag),
      engine_(engine),
      random_(random),
      sink_(sink),
      crypto_(engine, config.auth_form, config.child_suite),
      any4_(everything(false)),
      any46_(everything(true)),
      ready_(config.flights),
      place_(config.clients, kNoFlight),
      outcomes_(config.clients, Outcome::pending),
      timers_(config.flights),
      batch_(std::make_unique<Batch>()),
      latency_(std::make_unique<Histogram>()),
      dpd_latency_(std::make_unique<Histogram>()) {
  totals_.outcomes[0].set(config.clients);
}

Initiator::~Initiator() = default;

crypto::Status Initiator::allocate() {
  auto arena = dp::Arena::map(std::size_t{config_.flights} * sizeof(Flight), "flights");
  if (!arena) return std::unexpected(arena.error());
  flight_arena_ = std::move(*arena);
  flights_ = static_cast<Flight*>(flight_arena_.data());
  for (std::uint32_t place = config_.flights; place-- > 0;) free_.push_back(place);
  if (!config_.dpd) return {};
  for (std::uint32_t client = 0; client < config_.clients; ++client)
    dpd_stride_ = std::max(dpd_stride_, dpd_record_len(bag_.at(client).suite));
  auto records = dp::Arena::map(config_.clients * dpd_stride_, "keys kept for DPD");
  if (!records) return std::unexpected(records.error());
  dpd_arena_ = std::move(*records);
  return {};
}

Flight& Initiator::take_flight(std::uint32_t client, FlightState state,
                               std::uint64_t scheduled_ns) {
  const std::uint32_t place = free_.back();
  free_.pop_back();
  Flight& f = flights_[place];
  f.client = client;
  f.state = state;
  f.scheduled_ns = scheduled_ns;
  f.restarts = 0;
  place_[client] = place;
  totals_.in_flight.set(config_.flights - free_.size());
  return f;
}

void Initiator::release(Flight& f) {
  wipe(f);
  f.state = FlightState::free;
  const std::uint32_t place = place_of(f);
  timers_.disarm(place);
  place_[f.client] = kNoFlight;
  free_.push_back(place);
  totals_.in_flight.set(config_.flights - free_.size());
}

void Initiator::finish(Flight& f, Outcome outcome) {
  const std::uint32_t client = f.client;
  outcomes_[client] = outcome;
  totals_.outcomes[std::to_underlying(outcome)].add();
  totals_.outcomes[0].set(config_.clients - ++finished_);
  if (outcome != Outcome::resumed && sink_ != nullptr) sink_->failed(client, outcome);
  release(f);
}

// A place stands in the ring at most once: `queued` belongs to the place and outlives the flight,
// so a stale entry is passed over, or serves the place's next flight.
void Initiator::enqueue(Flight& f) {
  f.tries = 0;
  f.interval_ns = config_.retry.first_ns;
  timers_.disarm(place_of(f));
  if (f.queued) return;
  f.queued = true;
  ready_[(ready_head_ + ready_count_++) % ready_.size()] = place_of(f);
}

Outgoing Initiator::send(Flight& f, std::uint64_t now_ns) {
  const RetryPolicy& retry = config_.retry;
  if (f.tries++ != 0) totals_.retransmissions.add();
  const double chance = static_cast<double>(random_.u32()) / 4294967296.0;
  const double factor = 1 - retry.jitter + 2 * retry.jitter * chance;
  const auto interval_ns = static_cast<double>(f.interval_ns);
  timers_.arm(place_of(f), now_ns + static_cast<std::uint64_t>(interval_ns * factor));
  f.interval_ns = static_cast<std::uint64_t>(interval_ns * retry.factor);
  totals_.sent.add();
  return {f.client, f.state == FlightState::message1, f.pending()};
}

std::size_t Initiator::poll(std::uint64_t now_ns, std::span<Outgoing> out) {
  out = out.first(std::min(out.size(), kBatchMax));
  std::size_t count = send_queued(now_ns, out);
  count += send_due(now_ns, out.subspan(count));
  return count + start(now_ns, out.subspan(count));
}

std::size_t Initiator::send_queued(std::uint64_t now_ns, std::span<Outgoing> out) {
  std::size_t count = 0;
  while (count < out.size() && ready_count_ != 0) {
    Flight& f = flights_[ready_[ready_head_]];
    ready_head_ = (ready_head_ + 1) % ready_.size();
    --ready_count_;
    f.queued = false;
    if (f.state != FlightState::free && f.tries == 0) out[count++] = send(f, now_ns);
  }
  return count;
}

std::size_t Initiator::send_due(std::uint64_t now_ns, std::span<Outgoing> out) {
  std::array<std::uint32_t, kBatchMax> due;
  std::size_t count = 0;
  while (count < out.size()) {
    const std::size_t expired = timers_.expire(now_ns, std::span(due).first(out.size() - count));
    if (expired == 0) break;
    for (const std::uint32_t place : std::span(due).first(expired))
      if (Flight& f = flights_[place]; !out_of_tries(f)) out[count++] = send(f, now_ns);
  }
  return count;
}

bool Initiator::out_of_tries(Flight& f) {
  const RetryPolicy& retry = config_.retry;
  const bool may_restart = f.state == FlightState::message3 && f.restarts < retry.restarts;
  if (f.tries < (may_restart && retry.tries_message3 != 0 ? retry.tries_message3 : retry.tries))
    return false;
  if (f.state == FlightState::dpd) {
    totals_.dpd_failed.add();
    ++dpd_finished_;
    release(f);
    return true;
  }
  if (may_restart) {
    ++f.restarts;
    totals_.restarts.add();
    begin(f);
    return false;
  }
  finish(f, f.state == FlightState::message1 ? Outcome::no_message_2 : Outcome::no_message_4);
  return true;
}

// The schedule does not care how the gateway fares: a client that had to wait for a place has
// waited since its scheduled time.
bool Initiator::next_is_due(std::uint64_t now_ns, std::uint32_t next, std::uint64_t epoch_ns,
                            std::uint64_t& scheduled_ns) const {
  scheduled_ns = now_ns;
  if (config_.rate == 0) return true;
  scheduled_ns = epoch_ns + next * kSecondNs / config_.rate;
  return scheduled_ns <= now_ns;
}

std::size_t Initiator::start(std::uint64_t now_ns, std::span<Outgoing> out) {
  if (given_up_) return 0;
  if (next_client_ == config_.clients) return start_dpd(now_ns, out);
  if (next_client_ == 0) epoch_ns_ = now_ns;
  std::size_t count = 0;
  std::uint64_t scheduled_ns = 0;
  while (count < out.size() && next_client_ < config_.clients && !free_.empty() &&
         next_is_due(now_ns, next_client_, epoch_ns_, scheduled_ns)) {
    if (next_client_ == 0) totals_.first_start_ns.set(now_ns);
    bag_.prefetch(std::min(next_client_ + kAhead, config_.clients - 1));
    Flight& f = take_flight(next_client_++, FlightState::message1, scheduled_ns);
    totals_.started.add();
    begin(f);
    out[count++] = send(f, now_ns);
  }
  return count;
}

void Initiator::begin(Flight& f) {
  std::uint32_t tag = 0;
  while (tag == 0) tag = random_.u32();
  f.spi_i = ike::IkeSpi(std::uint64_t{f.client} << 32 | tag);
  f.spi_r = ike::IkeSpi();
  f.state = FlightState::message1;
  f.challenges = 0;
  f.tries = 0;
  f.interval_ns = config_.retry.first_ns;
  random_.fill(f.nonce_i);
  write_message1(f, {});
}

void Initiator::write_message1(Flight& f, crypto::Bytes cookie) {
  ike::ResumeOffer offer{.spi_i = f.spi_i,
                         .nonce = f.nonce_i,
                         .ticket = bag_.at(f.client).ticket,
                         .cookie = cookie,
                         .nat_source = {},
                         .nat_destination = {},
                         .fragmentation_supported = config_.fragmentation};
  std::array<std::array<std::uint8_t, 20>, 2> hashes;
  if (config_.nat_detection != nullptr) {
    const Endpoints e = config_.nat_detection->endpoints(f.client);
    const std::size_t len = e.is_ip6 ? 16 : 4;
    std::array<std::array<std::uint8_t, 34>, 2> inputs;
    const std::size_t input_len = ike::write_nat_detection_input(
        f.spi_i, f.spi_r, {e.client.data(), len}, e.client_port, inputs[0].data());
    ike::write_nat_detection_input(f.spi_i, f.spi_r, {e.gateway.data(), len}, e.gateway_port,
                                   inputs[1].data());
    const std::array<crypto::Sha1Lane, 2> lanes = {{
        {{inputs[0].data(), input_len}, hashes[0].data()},
        {{inputs[1].data(), input_len}, hashes[1].data()},
    }};
    engine_.sha1(lanes);
    offer.nat_source = hashes[0];
    offer.nat_destination = hashes[1];
  }
  const std::size_t len =
      ike::write_resume_request(offer, crypto::MutBytes(f.request).first(kRequestMax));
  CHECK(len != 0);
  f.request_len = static_cast<std::uint16_t>(len);
}

bool Initiator::done() const {
  if (given_up_) return true;
  if (!resumptions_done()) return false;
  return !config_.dpd || dpd_finished_ == totals_.resumed();
}

void Initiator::give_up() {
  for (std::uint32_t place = 0; place < config_.flights; ++place) {
    Flight& f = flights_[place];
    if (f.state == FlightState::message1) finish(f, Outcome::no_message_2);
    if (f.state == FlightState::message3) finish(f, Outcome::no_message_4);
    if (f.state == FlightState::dpd) release(f);
  }
  if (config_.dpd) totals_.dpd_failed.set(totals_.resumed() - totals_.dpd_answered.get());
  given_up_ = true;
}

}  // namespace storm

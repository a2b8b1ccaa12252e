// Flights, timers, schedules, and everything that is sent.
#include "tools/storm/crowd.h"

#include <algorithm>
#include <utility>

#include "crypto/base/secret.h"

namespace storm {
namespace {

constexpr std::uint64_t kSecondNs = 1'000'000'000;
constexpr std::uint32_t kAhead = 8;  // records asked for before their clients start
constexpr std::uint8_t kChallengesMax = 3;
constexpr std::size_t kCookieMax = 64;  // RFC 7296 §2.6

void wipe(Flight& f) {
  crypto::secure_zero(f.keymat.data(), sizeof f.keymat);
  crypto::secure_zero(f.auth_r.data(), sizeof f.auth_r);
  crypto::secure_zero(f.child_keymat.data(), sizeof f.child_keymat);
}

}  // namespace

Crowd::Crowd(const CrowdConfig& config, crypto::Random& random, SessionSink* sink)
    : random_(random),
      sink_(sink),
      latency_(std::make_unique<Histogram>()),
      outcomes_(config.clients, Outcome::pending),
      crowd_(config),
      ready_(config.flights),
      place_(config.clients, kNoFlight),
      timers_(config.flights) {
  totals_.outcomes[0].set(config.clients);
}

Crowd::~Crowd() = default;

crypto::Status Crowd::allocate_flights() {
  if (crowd_.flights == 0) return crypto::fail("no client may be under way");
  if (crowd_.clients > kEspClientsMax || crowd_.first_client > kEspClientsMax - crowd_.clients)
    return crypto::fail("more clients than SPIs can name");
  auto arena = dp::Arena::map(std::size_t{crowd_.flights} * sizeof(Flight), "flights");
  if (!arena) return std::unexpected(arena.error());
  flight_arena_ = std::move(*arena);
  flights_ = static_cast<Flight*>(flight_arena_.data());
  for (std::uint32_t place = crowd_.flights; place-- > 0;) free_.push_back(place);
  return {};
}

Flight& Crowd::take_flight(std::uint32_t client, FlightState state, std::uint64_t scheduled_ns) {
  const std::uint32_t place = free_.back();
  free_.pop_back();
  Flight& f = flights_[place];
  f.client = client;
  f.state = state;
  f.scheduled_ns = scheduled_ns;
  f.restarts = 0;
  f.tries = 0;
  f.interval_ns = crowd_.retry.first_ns;
  place_[client] = place;
  totals_.in_flight.set(crowd_.flights - free_.size());
  return f;
}

void Crowd::release(Flight& f) {
  wipe(f);
  f.state = FlightState::free;
  const std::uint32_t place = place_of(f);
  timers_.disarm(place);
  place_[f.client] = kNoFlight;
  free_.push_back(place);
  totals_.in_flight.set(crowd_.flights - free_.size());
}

void Crowd::finish(Flight& f, Outcome outcome) {
  const std::uint32_t client = f.client;
  outcomes_[client] = outcome;
  totals_.outcomes[std::to_underlying(outcome)].add();
  totals_.outcomes[0].set(crowd_.clients - ++finished_);
  if (!is_success(outcome) && sink_ != nullptr) sink_->failed(client, outcome);
  release(f);
}

void Crowd::count_up(const Flight& f, std::uint64_t now_ns) {
  latency_->record(now_ns - f.scheduled_ns);
  if (totals_.first_up_ns.get() == 0) totals_.first_up_ns.set(now_ns);
  totals_.last_up_ns.set(now_ns);
}

void Crowd::establish(Flight& f, Outcome success, const ChildOffer& child, ike::EspSpi child_spi,
                      const ike::AuthAnswer& answer, Credential renewed, std::uint64_t now_ns) {
  if (!answer.ticket.empty()) totals_.tickets.add();
  count_up(f, now_ns);
  if (sink_ != nullptr) {
    const ike::ConfigReply& given = answer.config;
    Established session{.client = f.client,
                        .scheduled_ns = f.scheduled_ns,
                        .spi_i = f.spi_i,
                        .spi_r = f.spi_r,
                        .keys = ike::split_ike_keymat(renewed.suite, f.keymat),
                        .child_spi_in = f.child_spi,
                        .child_spi_out = child_spi,
                        .child_keys = ike::split_child_keymat(child.suite(), f.child_keymat),
                        .renewed = renewed,
                        .ticket_lifetime_s = answer.ticket_lifetime_s};
    session.renewed.spi_i = f.spi_i;
    session.renewed.spi_r = f.spi_r;
    session.renewed.sk_d = session.keys.sk_d;
    session.renewed.ticket = answer.ticket;
    session.renewed.expires_s = 0;
    session.renewed.has_ip4 = given.has_ip4;
    session.renewed.has_ip6 = given.has_ip6;
    session.renewed.ip4 = given.ip4;
    session.renewed.ip6 = given.ip6;
    sink_->established(session);
  }
  finish(f, success);
}

// A place stands in the ring at most once: `queued` belongs to the place and outlives the flight,
// so a stale entry is passed over, or serves the place's next flight.
void Crowd::enqueue(Flight& f) {
  f.tries = 0;
  f.interval_ns = crowd_.retry.first_ns;
  timers_.disarm(place_of(f));
  if (f.queued) return;
  f.queued = true;
  ready_[(ready_head_ + ready_count_++) % ready_.size()] = place_of(f);
}

Outgoing Crowd::send(Flight& f, std::uint64_t now_ns) {
  const RetryPolicy& retry = crowd_.retry;
  if (f.tries++ != 0) totals_.retransmissions.add();
  const double chance = static_cast<double>(random_.u32()) / 4294967296.0;
  const double factor = 1 - retry.jitter + 2 * retry.jitter * chance;
  const auto interval_ns = static_cast<double>(f.interval_ns);
  timers_.arm(place_of(f), now_ns + static_cast<std::uint64_t>(interval_ns * factor));
  f.interval_ns = static_cast<std::uint64_t>(interval_ns * retry.factor);
  totals_.sent.add();
  return {crowd_.first_client + f.client, f.state == FlightState::message1, f.pending()};
}

std::size_t Crowd::poll(std::uint64_t now_ns, std::span<Outgoing> out) {
  out = out.first(std::min(out.size(), kBatchMax));
  std::size_t count = send_queued(now_ns, out);
  count += send_due(now_ns, out.subspan(count));
  return count + start(now_ns, out.subspan(count));
}

std::size_t Crowd::send_queued(std::uint64_t now_ns, std::span<Outgoing> out) {
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

std::size_t Crowd::send_due(std::uint64_t now_ns, std::span<Outgoing> out) {
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

bool Crowd::out_of_tries(Flight& f) {
  const RetryPolicy& retry = crowd_.retry;
  const bool may_restart = f.state == FlightState::message3 && f.restarts < retry.restarts;
  if (f.tries < (may_restart && retry.tries_message3 != 0 ? retry.tries_message3 : retry.tries))
    return false;
  if (f.state == FlightState::dpd) {
    lapse(f);
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
bool Crowd::next_is_due(std::uint64_t now_ns, std::uint32_t next, std::uint64_t epoch_ns,
                        std::uint64_t& scheduled_ns) const {
  scheduled_ns = now_ns;
  if (crowd_.rate == 0) return true;
  scheduled_ns = epoch_ns + next * kSecondNs / crowd_.rate;
  return scheduled_ns <= now_ns;
}

std::size_t Crowd::start(std::uint64_t now_ns, std::span<Outgoing> out) {
  if (given_up_) return 0;
  if (next_client_ == crowd_.clients) return start_more(now_ns, out);
  if (next_client_ == 0) epoch_ns_ = now_ns;
  std::size_t count = 0;
  std::uint64_t scheduled_ns = 0;
  while (count < out.size() && next_client_ < crowd_.clients && !free_.empty() &&
         next_is_due(now_ns, next_client_, epoch_ns_, scheduled_ns)) {
    if (next_client_ == 0) totals_.first_start_ns.set(now_ns);
    expect(std::min(next_client_ + kAhead, crowd_.clients - 1));
    Flight& f = take_flight(next_client_++, FlightState::message1, scheduled_ns);
    totals_.started.add();
    begin(f);
    out[count++] = send(f, now_ns);
  }
  return count;
}

std::size_t Crowd::start_more(std::uint64_t, std::span<Outgoing>) { return 0; }

void Crowd::begin(Flight& f) {
  std::uint32_t tag = 0;
  while (tag == 0) tag = random_.u32();
  f.spi_i = ike::IkeSpi(std::uint64_t{crowd_.first_client + f.client} << 32 | tag);
  f.spi_r = ike::IkeSpi();
  f.state = FlightState::message1;
  f.challenges = 0;
  f.tries = 0;
  f.interval_ns = crowd_.retry.first_ns;
  random_.fill(f.nonce_i);
  write_message1(f, {});
}

void Crowd::receive(std::span<const crypto::Bytes> messages, std::uint64_t now_ns) {
  while (!messages.empty()) {
    const std::size_t count = std::min(messages.size(), kBatchMax);
    receive_batch(messages.first(count), now_ns);
    messages = messages.subspan(count);
  }
}

void Crowd::receive_batch(std::span<const crypto::Bytes> messages, std::uint64_t now_ns) {
  std::array<std::uint32_t, kBatchMax> places;
  for (std::size_t i = 0; i < messages.size(); ++i) {
    places[i] = place_named_by(messages[i]);
    if (places[i] != kNoFlight) __builtin_prefetch(&flights_[places[i]]);
  }
  begin_burst();
  totals_.received.add(messages.size());
  for (std::size_t i = 0; i < messages.size(); ++i) {
    if (places[i] == kNoFlight) {
      totals_.late.add();
    } else {
      sort_answer(flights_[places[i]], messages[i]);
    }
  }
  end_burst(now_ns);
}

std::uint32_t Crowd::place_named_by(crypto::Bytes message) const {
  if (message.size() < ike::kHeaderLen) return kNoFlight;
  const std::uint32_t client = client_of(ike::IkeSpi(crypto::load_be64(message.data())));
  return has(client) ? place_[client - crowd_.first_client] : kNoFlight;
}

void Crowd::sort_answer(Flight& f, crypto::Bytes message) {
  ike::Header header;
  if (message.size() > kAnswerMax || ike::parse_header(message, header) != ike::ParseError::none ||
      !header.is_response() || header.from_initiator()) {
    totals_.unreadable.add();
  } else if (header.spi_i != f.spi_i) {
    totals_.late.add();
  } else {
    take_answer(f, message, header);
  }
}

void Crowd::answer_cookie(Flight& f, crypto::Bytes cookie) {
  if (cookie.empty() || cookie.size() > kCookieMax) return totals_.unreadable.add();
  totals_.cookies.add();
  if (f.challenges++ >= kChallengesMax) return;
  write_message1(f, cookie);
  enqueue(f);
}

void Crowd::give_up() {
  for (std::uint32_t place = 0; place < crowd_.flights; ++place) {
    Flight& f = flights_[place];
    if (f.state == FlightState::message1) finish(f, Outcome::no_message_2);
    if (f.state == FlightState::message3) finish(f, Outcome::no_message_4);
    if (f.state == FlightState::dpd) release(f);
  }
  given_up_ = true;
}

}  // namespace storm

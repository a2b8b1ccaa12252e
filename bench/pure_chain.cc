// The pure crypto chain: sessions with real keys, and the steps over them.
#include "bench/pure_chain.h"

#include <chrono>
#include <cstring>

#include "crypto/base/error.h"
#include "crypto/base/secret.h"
#include "crypto/random.h"

namespace bench {

using crypto::Aead;
using crypto::Bytes;
using crypto::MutBytes;

namespace {

constexpr std::size_t kSkKeysMax = 3 * crypto::kPrfLenMax + 2 * kSkKeySalt;
constexpr std::size_t kSignedMax = kFirstMessage + kNonce + crypto::kPrfLenMax;
constexpr std::uint64_t kSeed = 5723;

struct Sealed {
  std::array<std::uint8_t, crypto::kAeadNonceLen> nonce;
  std::array<std::uint8_t, crypto::kAeadTagLen> tag;
};

}  // namespace

// What lies in packets and in the session table. Hash-ready layouts: no step copies for another.
struct PureChain::Session {
  // From the client.
  Sealed ticket;
  std::array<std::uint8_t, kTicketText> ticket_sealed;
  std::array<std::uint8_t, kTicketAad> ticket_aad;
  std::array<std::uint8_t, kSkeyseedText> skeyseed_text;
  std::array<std::uint8_t, kKeysSeed> seed;
  Sealed request;
  std::array<std::uint8_t, kRequestText> request_sealed;
  std::array<std::uint8_t, kSkAad> sk_aad;
  std::array<std::uint8_t, kIdMax> id_i, id_r;
  std::size_t id_len;
  std::array<std::uint8_t, kSignedMax> signed_i, signed_r;  // message, nonce, room for the MACed ID
  std::array<std::uint8_t, crypto::kPrfLenMax> auth_i_expected;
  std::array<std::uint8_t, kResponseText> response_text;
  // Results.
  std::array<std::uint8_t, kTicketText> ticket_text;  // begins with SK_d_old
  std::array<std::uint8_t, crypto::kPrfLenMax> skeyseed;
  std::array<std::uint8_t, kSkKeysMax> sk_keys;  // SK_d, SK_ei, SK_er, SK_pi, SK_pr
  std::array<std::uint8_t, kRequestText> request_text;
  std::array<std::uint8_t, crypto::kPrfLenMax> auth_i, auth_r;
  std::array<std::uint8_t, kChildKeys> child_keys;
  Sealed response;
  std::array<std::uint8_t, kResponseText> response_sealed;
  Sealed new_ticket;
  std::array<std::uint8_t, kTicketText> new_ticket_sealed;

  std::uint8_t* sk_ei(std::size_t prf_len) { return sk_keys.data() + prf_len; }
  std::uint8_t* sk_er(std::size_t prf_len) { return sk_ei(prf_len) + kSkKeySalt; }
  std::uint8_t* sk_pi(std::size_t prf_len) { return sk_er(prf_len) + kSkKeySalt; }
  std::uint8_t* sk_pr(std::size_t prf_len) { return sk_pi(prf_len) + prf_len; }
};

// What a worker keeps from batch to batch.
struct PureChain::Scratch {
  std::array<crypto::AeadLane, kChainLanesMax> aead;
  std::array<crypto::PrfKeyLane, 3 * kChainLanesMax> prepare;
  std::array<crypto::MacLane, 2 * kChainLanesMax> macs;
  std::array<crypto::PrfPlusLane, kChainLanesMax> prf_plus;
  std::array<crypto::PrfKey, kChainLanesMax> key;  // SK_d_old, then SKEYSEED
  std::array<crypto::PrfKey, kChainLanesMax> sk_d, sk_pi, sk_pr;
  std::array<std::array<std::uint8_t, crypto::kPrfPlusWorkLen>, kChainLanesMax> work;
};

const char* step_name(Step s) {
  switch (s) {
    case Step::ticket_open:
      return "ticket open";
    case Step::skeyseed:
      return "SKEYSEED, 1 key";
    case Step::sk_keys:
      return "prf+ of SK_*, 1 key";
    case Step::request_open:
      return "request open, raw key";
    case Step::auth:
      return "AUTH i and r, 2 keys";
    case Step::child_keys:
      return "child KEYMAT, 1 key";
    case Step::response_seal:
      return "response seal, raw key";
    case Step::ticket_seal:
      return "ticket seal";
  }
  return "";
}

PureChain::PureChain(crypto::Engine& engine, crypto::Prf prf, std::size_t pool, std::size_t lanes)
    : engine_(engine),
      prf_(prf),
      prf_len_(crypto::prf_len(prf)),
      lanes_(lanes),
      scratch_(std::make_unique<Scratch>()),
      sessions_(pool) {
  CHECK(lanes > 0 && lanes <= kChainLanesMax && pool > 0 && pool % lanes == 0);
  make_sessions();
}

PureChain::~PureChain() = default;

std::size_t PureChain::pool() const { return sessions_.size(); }

// Random octets everywhere, then one pass over the pool that seals what the client would seal.
void PureChain::make_sessions() {
  crypto::Random random(kSeed);
  std::array<std::uint8_t, 32> raw_key;
  random.fill(raw_key);
  const crypto::ExpandLane expand{raw_key.data(), &ticket_key_};
  engine_.expand(Aead::aes256_gcm, {&expand, 1});
  for (Session& s : sessions_) {
    random.fill({static_cast<std::uint8_t*>(static_cast<void*>(&s)), sizeof s});
    std::memcpy(s.skeyseed_text.data(), "Resumption", 10);
    std::memcpy(s.skeyseed_text.data() + 10, s.seed.data(), 2 * kNonce);
    s.id_len = kIdMin + s.id_i[0] % (kIdMax - kIdMin + 1);
    crypto::AeadLane ticket{.key = &ticket_key_,
                            .nonce = s.ticket.nonce.data(),
                            .aad = s.ticket_aad,
                            .in = s.ticket_text.data(),
                            .len = kTicketText,
                            .out = s.ticket_sealed.data(),
                            .tag = s.ticket.tag.data()};
    engine_.seal(Aead::aes256_gcm, {&ticket, 1});
  }
  for (std::size_t at = 0; at < sessions_.size(); at += lanes_) {
    const std::span<Session> sessions = batch();
    open_tickets(sessions);
    derive_skeyseed(sessions);
    derive_sk_keys(sessions);
    for (Session& s : sessions) {
      crypto::AeadLane request{.raw_key = s.sk_ei(prf_len_),
                               .nonce = s.request.nonce.data(),
                               .aad = s.sk_aad,
                               .in = s.request_text.data(),
                               .len = kRequestText,
                               .out = s.request_sealed.data(),
                               .tag = s.request.tag.data()};
      engine_.seal(Aead::aes256_gcm, {&request, 1});
    }
    compute_auth(sessions);
    for (Session& s : sessions) s.auth_i_expected = s.auth_i;
  }
  checking_ = true;
}

std::span<PureChain::Session> PureChain::batch() {
  const std::span<Session> sessions = std::span(sessions_).subspan(next_, lanes_);
  next_ = (next_ + lanes_) % sessions_.size();
  return sessions;
}

void PureChain::run_step(Step step, std::span<Session> sessions) {
  switch (step) {
    case Step::ticket_open:
      return open_tickets(sessions);
    case Step::skeyseed:
      return derive_skeyseed(sessions);
    case Step::sk_keys:
      return derive_sk_keys(sessions);
    case Step::request_open:
      return open_requests(sessions);
    case Step::auth:
      return compute_auth(sessions);
    case Step::child_keys:
      return derive_child_keys(sessions);
    case Step::response_seal:
      return seal_responses(sessions);
    case Step::ticket_seal:
      return seal_tickets(sessions);
  }
}

void PureChain::run_batch() {
  const std::span<Session> sessions = batch();
  for (std::size_t i = 0; i < kStepCount; ++i) run_step(static_cast<Step>(i), sessions);
}

void PureChain::run_batch(StepNs& time) {
  using Clock = std::chrono::steady_clock;
  const std::span<Session> sessions = batch();
  auto before = Clock::now();
  for (std::size_t i = 0; i < kStepCount; ++i) {
    run_step(static_cast<Step>(i), sessions);
    const auto after = Clock::now();
    time[i] += std::chrono::duration<double, std::nano>(after - before).count();
    before = after;
  }
}

void PureChain::open_tickets(std::span<Session> sessions) {
  const auto lanes = std::span(scratch_->aead).first(sessions.size());
  for (std::size_t i = 0; i < sessions.size(); ++i) {
    Session& s = sessions[i];
    lanes[i] = {.key = &ticket_key_,
                .nonce = s.ticket.nonce.data(),
                .aad = s.ticket_aad,
                .in = s.ticket_sealed.data(),
                .len = kTicketText,
                .out = s.ticket_text.data(),
                .tag = s.ticket.tag.data()};
  }
  engine_.open(Aead::aes256_gcm, lanes);
  for (const crypto::AeadLane& lane : lanes) CHECK(lane.ok);
}

// RFC 5723 §5.1: SKEYSEED = prf(SK_d_old, "Resumption" | Ni | Nr).
void PureChain::derive_skeyseed(std::span<Session> sessions) {
  Scratch& x = *scratch_;
  for (std::size_t i = 0; i < sessions.size(); ++i) {
    Session& s = sessions[i];
    x.prepare[i] = {{s.ticket_text.data(), prf_len_}, &x.key[i]};
    x.macs[i] = {&x.key[i], s.skeyseed_text, s.skeyseed.data()};
  }
  engine_.prepare(prf_, std::span(x.prepare).first(sessions.size()));
  engine_.mac(prf_, std::span(x.macs).first(sessions.size()));
}

void PureChain::derive_sk_keys(std::span<Session> sessions) {
  Scratch& x = *scratch_;
  for (std::size_t i = 0; i < sessions.size(); ++i) {
    Session& s = sessions[i];
    x.prepare[i] = {{s.skeyseed.data(), prf_len_}, &x.key[i]};
    std::memcpy(crypto::seed_of(x.work[i].data()), s.seed.data(), kKeysSeed);
    x.prf_plus[i] = {&x.key[i], x.work[i].data(), kKeysSeed,
                     MutBytes(s.sk_keys).first(3 * prf_len_ + 2 * kSkKeySalt)};
  }
  engine_.prepare(prf_, std::span(x.prepare).first(sessions.size()));
  crypto::prf_plus(engine_, prf_, std::span(x.prf_plus).first(sessions.size()));
}

void PureChain::open_requests(std::span<Session> sessions) {
  const auto lanes = std::span(scratch_->aead).first(sessions.size());
  for (std::size_t i = 0; i < sessions.size(); ++i) {
    Session& s = sessions[i];
    lanes[i] = {.raw_key = s.sk_ei(prf_len_),
                .nonce = s.request.nonce.data(),
                .aad = s.sk_aad,
                .in = s.request_sealed.data(),
                .len = kRequestText,
                .out = s.request_text.data(),
                .tag = s.request.tag.data()};
  }
  engine_.open(Aead::aes256_gcm, lanes);
  for (const crypto::AeadLane& lane : lanes) CHECK(lane.ok);
}

// RFC 7296 §2.15: AUTH = prf(SK_p, message | nonce | prf(SK_p, ID)), as RFC 5723 §5.1 wants it.
void PureChain::compute_auth(std::span<Session> sessions) {
  Scratch& x = *scratch_;
  const std::size_t n = sessions.size();
  for (std::size_t i = 0; i < n; ++i) {
    Session& s = sessions[i];
    x.prepare[i] = {{s.sk_pi(prf_len_), prf_len_}, &x.sk_pi[i]};
    x.prepare[n + i] = {{s.sk_pr(prf_len_), prf_len_}, &x.sk_pr[i]};
    x.macs[i] = {&x.sk_pi[i], Bytes(s.id_i).first(s.id_len),
                 s.signed_i.data() + kFirstMessage + kNonce};
    x.macs[n + i] = {&x.sk_pr[i], Bytes(s.id_r).first(s.id_len),
                     s.signed_r.data() + kFirstMessage + kNonce};
  }
  engine_.prepare(prf_, std::span(x.prepare).first(2 * n));
  engine_.mac(prf_, std::span(x.macs).first(2 * n));
  for (std::size_t i = 0; i < n; ++i) {
    Session& s = sessions[i];
    const std::size_t len = kFirstMessage + kNonce + prf_len_;
    x.macs[i] = {&x.sk_pi[i], Bytes(s.signed_i).first(len), s.auth_i.data()};
    x.macs[n + i] = {&x.sk_pr[i], Bytes(s.signed_r).first(len), s.auth_r.data()};
  }
  engine_.mac(prf_, std::span(x.macs).first(2 * n));
  if (!checking_) return;
  for (const Session& s : sessions)
    CHECK(crypto::ct_equal(Bytes(s.auth_i).first(prf_len_),
                           Bytes(s.auth_i_expected).first(prf_len_)));
}

void PureChain::derive_child_keys(std::span<Session> sessions) {
  Scratch& x = *scratch_;
  for (std::size_t i = 0; i < sessions.size(); ++i) {
    Session& s = sessions[i];
    x.prepare[i] = {{s.sk_keys.data(), prf_len_}, &x.sk_d[i]};
    std::memcpy(crypto::seed_of(x.work[i].data()), s.seed.data(), kChildSeed);
    x.prf_plus[i] = {&x.sk_d[i], x.work[i].data(), kChildSeed, s.child_keys};
  }
  engine_.prepare(prf_, std::span(x.prepare).first(sessions.size()));
  crypto::prf_plus(engine_, prf_, std::span(x.prf_plus).first(sessions.size()));
}

void PureChain::seal_responses(std::span<Session> sessions) {
  const auto lanes = std::span(scratch_->aead).first(sessions.size());
  for (std::size_t i = 0; i < sessions.size(); ++i) {
    Session& s = sessions[i];
    lanes[i] = {.raw_key = s.sk_er(prf_len_),
                .nonce = s.response.nonce.data(),
                .aad = s.sk_aad,
                .in = s.response_text.data(),
                .len = kResponseText,
                .out = s.response_sealed.data(),
                .tag = s.response.tag.data()};
  }
  engine_.seal(Aead::aes256_gcm, lanes);
}

void PureChain::seal_tickets(std::span<Session> sessions) {
  const auto lanes = std::span(scratch_->aead).first(sessions.size());
  for (std::size_t i = 0; i < sessions.size(); ++i) {
    Session& s = sessions[i];
    lanes[i] = {.key = &ticket_key_,
                .nonce = s.new_ticket.nonce.data(),
                .aad = s.ticket_aad,
                .in = s.ticket_text.data(),
                .len = kTicketText,
                .out = s.new_ticket_sealed.data(),
                .tag = s.new_ticket.tag.data()};
  }
  engine_.seal(Aead::aes256_gcm, lanes);
}

std::array<std::uint8_t, 20> PureChain::digest() {
  const auto octets = [](const auto& object) {
    return Bytes(static_cast<const std::uint8_t*>(static_cast<const void*>(&object)),
                 sizeof object);
  };
  std::array<std::uint8_t, 20> sum{};
  std::vector<std::uint8_t> text;
  for (const Session& s : sessions_) {
    text.assign(sum.begin(), sum.end());
    const Bytes results[] = {s.ticket_text,
                             Bytes(s.skeyseed).first(prf_len_),
                             Bytes(s.sk_keys).first(3 * prf_len_ + 2 * kSkKeySalt),
                             s.request_text,
                             Bytes(s.auth_i).first(prf_len_),
                             Bytes(s.auth_r).first(prf_len_),
                             s.child_keys,
                             s.response_sealed,
                             octets(s.response.tag),
                             s.new_ticket_sealed,
                             octets(s.new_ticket.tag)};
    for (const Bytes part : results) text.insert(text.end(), part.begin(), part.end());
    const crypto::Sha1Lane lane{text, sum.data()};
    engine_.sha1({&lane, 1});
  }
  return sum;
}

}  // namespace bench

// Key derivation, AUTH, sealing and opening over batches of flights.
#include "tools/storm/flight.h"

#include "crypto/base/error.h"
#include "crypto/base/secret.h"
#include "tools/storm/suite_groups.h"

namespace storm {
namespace {

constexpr auto kSuiteOf = [](const auto& lane) -> const ike::Suite& { return lane.suite; };

}  // namespace

struct FlightCrypto::Scratch {
  std::array<crypto::PrfKey, kBatchMax> key;  // SK_d of the old SA, then SKEYSEED
  std::array<crypto::PrfKey, kBatchMax> key_d, key_pi, key_pr;
  std::array<std::array<std::uint8_t, crypto::kPrfPlusWorkLen>, kBatchMax> work;
  std::array<std::array<std::uint8_t, crypto::kPrfLenMax>, kBatchMax> seed, id_i, id_r;
  // Message 2 with what AUTH covers behind it.
  std::array<std::array<std::uint8_t, kAnswerMax + ike::kNonceLenMax + crypto::kPrfLenMax>,
             kBatchMax>
      signed_r;
  std::array<crypto::PrfKeyLane, 3 * kBatchMax> key_lanes;
  std::array<crypto::MacLane, 2 * kBatchMax> macs;
  std::array<crypto::PrfPlusLane, kBatchMax> plus;
  std::array<crypto::AeadLane, kBatchMax> aead;
  std::array<std::array<std::uint8_t, crypto::kAeadNonceLen>, kBatchMax> nonce;
};

FlightCrypto::FlightCrypto(crypto::Engine& engine, ike::AuthForm form,
                           const ike::Suite& child_suite)
    : engine_(engine),
      form_(form),
      child_suite_(child_suite),
      scratch_(std::make_unique<Scratch>()) {}

FlightCrypto::~FlightCrypto() {
  crypto::secure_zero(scratch_->work.data(), sizeof scratch_->work);
  crypto::secure_zero(scratch_->seed.data(), sizeof scratch_->seed);
}

void FlightCrypto::derive(std::span<KeyLane> lanes) {
  CHECK(lanes.size() <= kBatchMax);
  by_suite(
      lanes, [](const KeyLane& lane) -> const ike::Suite& { return lane.credential.suite; },
      [this](std::span<KeyLane> group) { derive_suite(group); });
}

// Every paragraph is: gather lanes, one call.
void FlightCrypto::derive_suite(std::span<KeyLane> lanes) {
  Scratch& s = *scratch_;
  const ike::Suite suite = lanes.front().credential.suite;
  const crypto::Prf prf = ike::prf_of(suite.prf);
  const std::size_t prf_len = crypto::prf_len(prf);
  const std::size_t count = lanes.size();

  for (std::size_t i = 0; i < count; ++i) s.key_lanes[i] = {lanes[i].credential.sk_d, &s.key[i]};
  engine_.prepare(prf, std::span(s.key_lanes).first(count));

  for (std::size_t i = 0; i < count; ++i) {
    std::uint8_t* text = crypto::seed_of(s.work[i].data());
    const std::size_t len =
        ike::write_resume_seed(lanes[i].flight->nonce_i, lanes[i].nonce_r, text);
    s.macs[i] = {&s.key[i], {text, len}, s.seed[i].data()};
  }
  engine_.mac(prf, std::span(s.macs).first(count));

  for (std::size_t i = 0; i < count; ++i) s.key_lanes[i] = {{s.seed[i].data(), prf_len}, &s.key[i]};
  engine_.prepare(prf, std::span(s.key_lanes).first(count));

  for (std::size_t i = 0; i < count; ++i) {
    Flight& flight = *lanes[i].flight;
    std::uint8_t* text = crypto::seed_of(s.work[i].data());
    const std::size_t len =
        ike::write_keymat_seed(flight.nonce_i, lanes[i].nonce_r, flight.spi_i, flight.spi_r, text);
    const crypto::MutBytes keymat(flight.keymat.data(), ike::ike_keymat_len(suite));
    s.plus[i] = {&s.key[i], s.work[i].data(), len, keymat};
  }
  crypto::prf_plus(engine_, prf, std::span(s.plus).first(count));

  for (std::size_t i = 0; i < count; ++i) {
    const ike::IkeKeys keys = ike::split_ike_keymat(suite, lanes[i].flight->keymat);
    s.key_lanes[3 * i] = {keys.sk_d, &s.key_d[i]};
    s.key_lanes[3 * i + 1] = {keys.sk_pi, &s.key_pi[i]};
    s.key_lanes[3 * i + 2] = {keys.sk_pr, &s.key_pr[i]};
  }
  engine_.prepare(prf, std::span(s.key_lanes).first(3 * count));
  sign(lanes, prf);

  for (std::size_t i = 0; i < count; ++i) {
    Flight& flight = *lanes[i].flight;
    std::uint8_t* text = crypto::seed_of(s.work[i].data());
    const std::size_t len = ike::write_child_seed(flight.nonce_i, lanes[i].nonce_r, text);
    const crypto::MutBytes keymat(flight.child_keymat.data(), ike::child_keymat_len(child_suite_));
    s.plus[i] = {&s.key_d[i], s.work[i].data(), len, keymat};
  }
  crypto::prf_plus(engine_, prf, std::span(s.plus).first(count));
}

// Our AUTH and the one that we expect: all that they cover is known when message 2 is there.
void FlightCrypto::sign(std::span<KeyLane> lanes, crypto::Prf prf) {
  Scratch& s = *scratch_;
  const std::size_t count = lanes.size();
  const std::size_t prf_len = crypto::prf_len(prf);
  const bool rfc = form_ == ike::AuthForm::rfc;
  if (rfc) {
    for (std::size_t i = 0; i < count; ++i) {
      s.macs[2 * i] = {&s.key_pi[i], lanes[i].credential.id_i, s.id_i[i].data()};
      s.macs[2 * i + 1] = {&s.key_pr[i], lanes[i].credential.id_r, s.id_r[i].data()};
    }
    engine_.mac(prf, std::span(s.macs).first(2 * count));
  }
  for (std::size_t i = 0; i < count; ++i) {
    KeyLane& lane = lanes[i];
    Flight& flight = *lane.flight;
    crypto::Bytes text_i = flight.pending();
    crypto::Bytes text_r = lane.message2;
    if (rfc) {
      // Message 1 lies where it was built and is completed there.
      std::uint8_t* end = flight.request.data() + flight.request_len;
      std::memcpy(end, lane.nonce_r.data(), lane.nonce_r.size());
      std::memcpy(end + lane.nonce_r.size(), s.id_i[i].data(), prf_len);
      text_i = {flight.request.data(), flight.request_len + lane.nonce_r.size() + prf_len};
      const std::size_t len = ike::write_signed_octets(
          lane.message2, flight.nonce_i, {s.id_r[i].data(), prf_len}, s.signed_r[i].data());
      text_r = {s.signed_r[i].data(), len};
    }
    s.macs[2 * i] = {&s.key_pi[i], text_i, lane.auth_i.data()};
    s.macs[2 * i + 1] = {&s.key_pr[i], text_r, flight.auth_r.data()};
  }
  engine_.mac(prf, std::span(s.macs).first(2 * count));
}

void FlightCrypto::seal(std::span<SealLane> lanes) {
  CHECK(lanes.size() <= kBatchMax);
  by_suite(lanes, kSuiteOf, [this](std::span<SealLane> group) {
    const ike::Suite& suite = group.front().suite;
    if (!ike::is_aead(suite.encr)) {
      for (const SealLane& lane : group)
        ike::seal_sk(engine_, suite, lane.sk_e, lane.sk_a, lane.message);
      return;
    }
    Scratch& s = *scratch_;
    for (std::size_t i = 0; i < group.size(); ++i)
      s.aead[i] = ike::seal_lane(group[i].message, group[i].sk_e, s.nonce[i].data());
    engine_.seal(ike::aead_of(suite), std::span(s.aead).first(group.size()));
  });
}

void FlightCrypto::open(std::span<OpenLane> lanes) {
  CHECK(lanes.size() <= kBatchMax);
  by_suite(lanes, kSuiteOf, [this](std::span<OpenLane> group) {
    const ike::Suite& suite = group.front().suite;
    if (!ike::is_aead(suite.encr)) {
      for (OpenLane& lane : group)
        lane.ok = ike::open_sk(engine_, suite, lane.sk_e, lane.sk_a, lane.sk, lane.plaintext);
      return;
    }
    Scratch& s = *scratch_;
    for (std::size_t i = 0; i < group.size(); ++i)
      s.aead[i] = ike::open_lane(group[i].sk, group[i].sk_e, s.nonce[i].data(), group[i].plaintext);
    engine_.open(ike::aead_of(suite), std::span(s.aead).first(group.size()));
    for (std::size_t i = 0; i < group.size(); ++i) group[i].ok = s.aead[i].ok;
  });
}

}  // namespace storm

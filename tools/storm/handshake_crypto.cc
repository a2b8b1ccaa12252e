// Key derivation and AUTH over batches of handshakes. Every paragraph is: gather lanes, one call.
#include "tools/storm/handshake_crypto.h"

#include <string_view>
#include <utility>

#include "crypto/base/error.h"
#include "crypto/base/secret.h"
#include "tools/storm/suite_groups.h"

namespace storm {
namespace {

constexpr std::string_view kKeyPad = "Key Pad for IKEv2";  // RFC 7296 §2.15
constexpr auto kSuiteOf = [](const auto& lane) -> const ike::Suite& { return lane.suite; };

}  // namespace

struct HandshakeCrypto::Scratch {
  std::array<crypto::PrfKey, kBatchMax> key;  // Ni | Nr, then SKEYSEED, then SK_pr
  std::array<crypto::PrfKey, kBatchMax> key_d, key_pi;
  std::array<std::array<std::uint8_t, crypto::kPrfPlusWorkLen>, kBatchMax> work;
  std::array<std::array<std::uint8_t, crypto::kPrfLenMax>, kBatchMax> value;
  // Message 2 with what AUTH covers behind it.
  std::array<std::array<std::uint8_t, kAnswerMax + ike::kNonceLenMax + crypto::kPrfLenMax>,
             kBatchMax>
      signed_r;
  std::array<crypto::PrfKeyLane, 2 * kBatchMax> key_lanes;
  std::array<crypto::MacLane, kBatchMax> macs;
  std::array<crypto::PrfPlusLane, kBatchMax> plus;
};

HandshakeCrypto::HandshakeCrypto(crypto::Engine& engine, crypto::Bytes psk,
                                 const ike::Suite& child_suite)
    : engine_(engine), child_suite_(child_suite), scratch_(std::make_unique<Scratch>()) {
  const crypto::Bytes pad(
      static_cast<const std::uint8_t*>(static_cast<const void*>(kKeyPad.data())), kKeyPad.size());
  for (const crypto::Prf prf :
       {crypto::Prf::hmac_sha256, crypto::Prf::hmac_sha384, crypto::Prf::hmac_sha512}) {
    crypto::Secret<crypto::kPrfLenMax> padded;
    crypto::prf_once(engine_, prf, psk, pad, padded.fill().data());
    const crypto::PrfKeyLane lane{crypto::Bytes(padded.reveal()).first(crypto::prf_len(prf)),
                                  &pad_[std::to_underlying(prf)]};
    engine_.prepare(prf, {&lane, 1});
  }
}

HandshakeCrypto::~HandshakeCrypto() {
  crypto::secure_zero(scratch_->work.data(), sizeof scratch_->work);
  crypto::secure_zero(scratch_->value.data(), sizeof scratch_->value);
}

void HandshakeCrypto::derive(std::span<SecretLane> lanes) {
  CHECK(lanes.size() <= kBatchMax);
  by_suite(lanes, kSuiteOf, [this](std::span<SecretLane> group) { derive_suite(group); });
}

void HandshakeCrypto::derive_suite(std::span<SecretLane> lanes) {
  Scratch& s = *scratch_;
  const ike::Suite suite = lanes.front().suite;
  const crypto::Prf prf = ike::prf_of(suite.prf);
  const std::size_t count = lanes.size();

  // SKEYSEED = prf(Ni | Nr, g^ir).
  for (std::size_t i = 0; i < count; ++i) {
    std::uint8_t* nonces = crypto::seed_of(s.work[i].data());
    const std::size_t len =
        ike::write_child_seed(lanes[i].flight->nonce_i, lanes[i].nonce_r, nonces);
    s.key_lanes[i] = {{nonces, len}, &s.key[i]};
  }
  engine_.prepare(prf, std::span(s.key_lanes).first(count));
  for (std::size_t i = 0; i < count; ++i)
    s.macs[i] = {&s.key[i], lanes[i].shared, s.value[i].data()};
  engine_.mac(prf, std::span(s.macs).first(count));

  for (std::size_t i = 0; i < count; ++i)
    s.key_lanes[i] = {{s.value[i].data(), crypto::prf_len(prf)}, &s.key[i]};
  engine_.prepare(prf, std::span(s.key_lanes).first(count));
  for (std::size_t i = 0; i < count; ++i) {
    Flight& f = *lanes[i].flight;
    const std::size_t len = ike::write_keymat_seed(f.nonce_i, lanes[i].nonce_r, f.spi_i, f.spi_r,
                                                   crypto::seed_of(s.work[i].data()));
    const crypto::MutBytes keymat(f.keymat.data(), ike::ike_keymat_len(suite));
    s.plus[i] = {&s.key[i], s.work[i].data(), len, keymat};
  }
  crypto::prf_plus(engine_, prf, std::span(s.plus).first(count));

  for (std::size_t i = 0; i < count; ++i) {
    const ike::IkeKeys keys = ike::split_ike_keymat(suite, lanes[i].flight->keymat);
    s.key_lanes[2 * i] = {keys.sk_d, &s.key_d[i]};
    s.key_lanes[2 * i + 1] = {keys.sk_pi, &s.key_pi[i]};
  }
  engine_.prepare(prf, std::span(s.key_lanes).first(2 * count));
  sign(lanes, prf);

  for (std::size_t i = 0; i < count; ++i) {
    Flight& f = *lanes[i].flight;
    const std::size_t len =
        ike::write_child_seed(f.nonce_i, lanes[i].nonce_r, crypto::seed_of(s.work[i].data()));
    const crypto::MutBytes keymat(f.child_keymat.data(), ike::child_keymat_len(child_suite_));
    s.plus[i] = {&s.key_d[i], s.work[i].data(), len, keymat};
  }
  crypto::prf_plus(engine_, prf, std::span(s.plus).first(count));
}

// AUTH = prf(prf(PSK, Key Pad), RealMessage1 | Nr | prf(SK_pi, IDi)); message 1 lies where it was
// built and is completed there.
void HandshakeCrypto::sign(std::span<SecretLane> lanes, crypto::Prf prf) {
  Scratch& s = *scratch_;
  const std::size_t count = lanes.size();
  for (std::size_t i = 0; i < count; ++i) {
    Flight& f = *lanes[i].flight;
    std::uint8_t* end = f.request.data() + f.request_len;
    std::memcpy(end, lanes[i].nonce_r.data(), lanes[i].nonce_r.size());
    s.macs[i] = {&s.key_pi[i], lanes[i].id_i, end + lanes[i].nonce_r.size()};
  }
  engine_.mac(prf, std::span(s.macs).first(count));
  for (std::size_t i = 0; i < count; ++i) {
    const Flight& f = *lanes[i].flight;
    const std::size_t len = f.request_len + lanes[i].nonce_r.size() + crypto::prf_len(prf);
    s.macs[i] = {&pad_[std::to_underlying(prf)], {f.request.data(), len}, lanes[i].auth_i.data()};
  }
  engine_.mac(prf, std::span(s.macs).first(count));
}

void HandshakeCrypto::verify(std::span<VerifyLane> lanes) {
  CHECK(lanes.size() <= kBatchMax);
  by_suite(lanes, kSuiteOf, [this](std::span<VerifyLane> group) { verify_suite(group); });
}

void HandshakeCrypto::verify_suite(std::span<VerifyLane> lanes) {
  Scratch& s = *scratch_;
  const ike::Suite suite = lanes.front().suite;
  const crypto::Prf prf = ike::prf_of(suite.prf);
  const std::size_t prf_len = crypto::prf_len(prf);
  const std::size_t count = lanes.size();
  for (std::size_t i = 0; i < count; ++i)
    s.key_lanes[i] = {ike::split_ike_keymat(suite, lanes[i].flight->keymat).sk_pr, &s.key[i]};
  engine_.prepare(prf, std::span(s.key_lanes).first(count));
  for (std::size_t i = 0; i < count; ++i) s.macs[i] = {&s.key[i], lanes[i].id_r, s.value[i].data()};
  engine_.mac(prf, std::span(s.macs).first(count));
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t len =
        ike::write_signed_octets(lanes[i].message2, lanes[i].flight->nonce_i,
                                 {s.value[i].data(), prf_len}, s.signed_r[i].data());
    s.macs[i] = {&pad_[std::to_underlying(prf)], {s.signed_r[i].data(), len}, s.value[i].data()};
  }
  engine_.mac(prf, std::span(s.macs).first(count));
  for (std::size_t i = 0; i < count; ++i)
    lanes[i].ok = crypto::ct_equal(lanes[i].auth, {s.value[i].data(), prf_len});
}

}  // namespace storm

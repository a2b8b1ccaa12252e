// Slices of key material, the octets of the seeds, and the scalar derivations.
#include "ike/key_schedule.h"

#include <array>

#include "crypto/base/error.h"
#include "crypto/base/secret.h"
#include "crypto/prf_plus.h"

namespace ike {
namespace {

crypto::Bytes take(crypto::Bytes& rest, std::size_t len) {
  const crypto::Bytes part = rest.first(len);
  rest = rest.subspan(len);
  return part;
}

std::uint8_t* append(std::uint8_t* out, crypto::Bytes part) {
  if (!part.empty()) std::memcpy(out, part.data(), part.size());
  return out + part.size();
}

// g^ir | Ni | Nr | additional secrets, or the nonces alone.
class KeSeed {
 public:
  KeSeed(crypto::Bytes shared, crypto::Bytes ni, crypto::Bytes nr, crypto::Bytes additional = {})
      : len_(shared.size() + ni.size() + nr.size() + additional.size()) {
    CHECK(shared.size() <= kSharedSecretMax && additional.size() <= kAdditionalSecretsMax);
    CHECK(ni.size() <= kNonceLenMax && nr.size() <= kNonceLenMax);
    append(append(append(append(octets_.fill().data(), shared), ni), nr), additional);
  }
  crypto::Bytes octets() const { return octets_.reveal().first(len_); }

 private:
  static constexpr std::size_t kMax = kSharedSecretMax + 2 * kNonceLenMax + kAdditionalSecretsMax;
  static_assert(kMax <= crypto::kPrfPlusOnceSeedMax);
  crypto::Secret<kMax> octets_;
  std::size_t len_;
};

// prf(key, message). The output may have another length than the PRF that uses it likes: any key is
// right for an HMAC.
class Skeyseed {
 public:
  Skeyseed(crypto::Engine& engine, crypto::Prf prf, crypto::Bytes key, crypto::Bytes message)
      : len_(crypto::prf_len(prf)) {
    crypto::prf_once(engine, prf, key, message, octets_.fill().data());
  }
  crypto::Bytes octets() const { return octets_.reveal().first(len_); }

 private:
  crypto::Secret<crypto::kPrfLenMax> octets_;
  std::size_t len_;
};

// {SK_d | ...} = prf+(SKEYSEED, Ni | Nr | SPIi | SPIr) under the PRF of the new SA.
void expand(crypto::Engine& engine, const Suite& suite, const Skeyseed& skeyseed, crypto::Bytes ni,
            crypto::Bytes nr, IkeSpi spi_i, IkeSpi spi_r, crypto::MutBytes keymat) {
  std::array<std::uint8_t, crypto::kPrfPlusSeedMax> seed;
  const std::size_t seed_len = write_keymat_seed(ni, nr, spi_i, spi_r, seed.data());
  crypto::prf_plus_once(engine, prf_of(suite.prf), skeyseed.octets(), {seed.data(), seed_len},
                        keymat.first(ike_keymat_len(suite)));
}

}  // namespace

IkeKeys split_ike_keymat(const Suite& suite, crypto::Bytes keymat) {
  CHECK(keymat.size() >= ike_keymat_len(suite));
  IkeKeys keys;
  keys.sk_d = take(keymat, prf_len(suite));
  keys.sk_ai = take(keymat, integ_key_len(suite));
  keys.sk_ar = take(keymat, integ_key_len(suite));
  keys.sk_ei = take(keymat, encr_key_len(suite));
  keys.sk_er = take(keymat, encr_key_len(suite));
  keys.sk_pi = take(keymat, prf_len(suite));
  keys.sk_pr = take(keymat, prf_len(suite));
  return keys;
}

ChildKeys split_child_keymat(const Suite& child, crypto::Bytes keymat) {
  CHECK(keymat.size() >= child_keymat_len(child));
  ChildKeys keys;
  keys.encr_i = take(keymat, encr_key_len(child));
  keys.integ_i = take(keymat, integ_key_len(child));
  keys.encr_r = take(keymat, encr_key_len(child));
  keys.integ_r = take(keymat, integ_key_len(child));
  return keys;
}

std::size_t write_resume_seed(crypto::Bytes ni, crypto::Bytes nr, std::uint8_t* out) {
  constexpr std::size_t kLabelLen = 10;
  std::memcpy(out, "Resumption", kLabelLen);
  append(append(out + kLabelLen, ni), nr);
  return kLabelLen + ni.size() + nr.size();
}

std::size_t write_keymat_seed(crypto::Bytes ni, crypto::Bytes nr, IkeSpi spi_i, IkeSpi spi_r,
                              std::uint8_t* out) {
  std::uint8_t* spis = append(append(out, ni), nr);
  crypto::store_be64(spis, spi_i.value());
  crypto::store_be64(spis + 8, spi_r.value());
  return ni.size() + nr.size() + 16;
}

std::size_t write_child_seed(crypto::Bytes ni, crypto::Bytes nr, std::uint8_t* out) {
  append(append(out, ni), nr);
  return ni.size() + nr.size();
}

void derive_resumed_keys(crypto::Engine& engine, const Suite& suite, crypto::Bytes sk_d_old,
                         crypto::Bytes ni, crypto::Bytes nr, IkeSpi spi_i, IkeSpi spi_r,
                         crypto::MutBytes keymat) {
  CHECK(ni.size() <= kNonceLenMax && nr.size() <= kNonceLenMax);
  const crypto::Prf prf = prf_of(suite.prf);
  std::array<std::uint8_t, kResumeSeedMax> label_seed;
  const std::size_t label_seed_len = write_resume_seed(ni, nr, label_seed.data());
  Skeyseed skeyseed(engine, prf, sk_d_old, {label_seed.data(), label_seed_len});
  expand(engine, suite, skeyseed, ni, nr, spi_i, spi_r, keymat);
}

void derive_child_keys(crypto::Engine& engine, const Suite& ike, crypto::Bytes sk_d,
                       crypto::Bytes ni, crypto::Bytes nr, crypto::MutBytes keymat) {
  derive_child_keys_with_ke(engine, ike, sk_d, {}, ni, nr, keymat);
}

void derive_ike_keys(crypto::Engine& engine, const Suite& suite, crypto::Bytes shared,
                     crypto::Bytes ni, crypto::Bytes nr, IkeSpi spi_i, IkeSpi spi_r,
                     crypto::MutBytes keymat) {
  CHECK(shared.size() <= kSharedSecretMax);
  const KeSeed nonces({}, ni, nr);
  Skeyseed skeyseed(engine, prf_of(suite.prf), nonces.octets(), shared);
  expand(engine, suite, skeyseed, ni, nr, spi_i, spi_r, keymat);
}

void derive_rekeyed_keys(crypto::Engine& engine, const Suite& old_suite, crypto::Bytes sk_d_old,
                         const Suite& suite, crypto::Bytes shared, crypto::Bytes ni,
                         crypto::Bytes nr, IkeSpi spi_i, IkeSpi spi_r, crypto::MutBytes keymat,
                         crypto::Bytes additional) {
  const KeSeed seed(shared, ni, nr, additional);
  Skeyseed skeyseed(engine, prf_of(old_suite.prf), sk_d_old, seed.octets());
  expand(engine, suite, skeyseed, ni, nr, spi_i, spi_r, keymat);
}

void derive_updated_keys(crypto::Engine& engine, const Suite& suite, crypto::Bytes sk_d,
                         crypto::Bytes shared, crypto::Bytes ni, crypto::Bytes nr, IkeSpi spi_i,
                         IkeSpi spi_r, crypto::MutBytes keymat) {
  derive_rekeyed_keys(engine, suite, sk_d, suite, shared, ni, nr, spi_i, spi_r, keymat);
}

void derive_child_keys_with_ke(crypto::Engine& engine, const Suite& ike, crypto::Bytes sk_d,
                               crypto::Bytes shared, crypto::Bytes ni, crypto::Bytes nr,
                               crypto::MutBytes keymat, crypto::Bytes additional) {
  const KeSeed seed(shared, ni, nr, additional);
  crypto::prf_plus_once(engine, prf_of(ike.prf), sk_d, seed.octets(), keymat);
}

}  // namespace ike

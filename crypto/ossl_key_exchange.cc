// Key pairs and shared secrets by OpenSSL: one EVP_PKEY for each side, contexts kept per thread.
//
// Making a context, fetching an algorithm by its name and building a group from its name cost more
// than the arithmetic on a fast curve. So a thread keeps for each group what does not change: the
// context that draws keys, and one EVP_PKEY whose public value is overwritten with each peer's.
//
// OpenSSL's own check of a peer (EVP_PKEY_derive_set_peer) multiplies the point by the order of the
// group. These curves have the cofactor 1, so a point on the curve is in the group, and that it is
// on the curve is seen when its octets are read (RFC 6989 §2.3). For safe primes the range is
// enough (RFC 6989 §2.1), and that is looked at in EVP_PKEY_derive.
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/params.h>

#include <algorithm>
#include <utility>

#include "crypto/base/error.h"
#include "crypto/base/secret.h"
#include "crypto/key_exchange.h"
#include "crypto/ossl_handle.h"

namespace crypto {
namespace {

using Pkey = OsslHandle<EVP_PKEY, EVP_PKEY_free>;
using PkeyCtx = OsslHandle<EVP_PKEY_CTX, EVP_PKEY_CTX_free>;
using BigNumber = OsslHandle<BIGNUM, BN_clear_free>;
using Builder = OsslHandle<OSSL_PARAM_BLD, OSSL_PARAM_BLD_free>;
using Params = OsslHandle<OSSL_PARAM, OSSL_PARAM_free>;

// Octet 0 of an uncompressed point, which a KE payload leaves out (RFC 5903 §7).
constexpr std::uint8_t kUncompressed = 4;

enum class Family : std::uint8_t { x25519, ec, modp, kem };

struct GroupTraits {
  Family family;
  const char* algorithm;
  const char* group;  // null: the algorithm says it
};
constexpr std::array<GroupTraits, kKeGroupCount> kTraits = {{
    {Family::x25519, "X25519", nullptr},
    {Family::ec, "EC", "P-256"},
    {Family::ec, "EC", "P-384"},
    {Family::ec, "EC", "P-521"},
    {Family::modp, "DH", "modp_2048"},
    {Family::modp, "DH", "modp_3072"},
    {Family::modp, "DH", "modp_4096"},
    {Family::kem, "ML-KEM-768", nullptr},
}};
const GroupTraits& traits_of(KeGroup group) { return kTraits[std::to_underlying(group)]; }

PkeyCtx context_of(EVP_PKEY* key) {
  return PkeyCtx(EVP_PKEY_CTX_new_from_pkey(nullptr, key, nullptr));
}

// What a thread keeps for one group.
struct Kept {
  PkeyCtx draw;  // null: the group is not available
  Pkey peer;     // overwritten with every peer's public value; null for ML-KEM
};

Pkey draw_key(Kept& kept) {
  EVP_PKEY* key = nullptr;
  CHECK(EVP_PKEY_generate(kept.draw.get(), &key) == 1);
  return Pkey(key);
}

Kept make_kept(const GroupTraits& traits) {
  Kept kept;
  kept.draw.reset(EVP_PKEY_CTX_new_from_name(nullptr, traits.algorithm, nullptr));
  if (kept.draw == nullptr || EVP_PKEY_keygen_init(kept.draw.get()) != 1) {
    CHECK(traits.family == Family::kem);
    ERR_clear_error();
    return {};
  }
  if (traits.group != nullptr) {
    // OpenSSL reads the name; its type has no const.
    const OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME,
                                         const_cast<char*>(traits.group), 0),
        OSSL_PARAM_construct_end()};
    CHECK(EVP_PKEY_CTX_set_params(kept.draw.get(), params) == 1);
  }
  // Never used as a key: only its group stays.
  if (traits.family != Family::kem) kept.peer = draw_key(kept);
  return kept;
}

Kept& kept_for(KeGroup group) {
  thread_local std::array<Kept, kKeGroupCount> all;
  thread_local std::array<bool, kKeGroupCount> made{};
  const std::size_t index = std::to_underlying(group);
  if (!made[index]) {
    all[index] = make_kept(kTraits[index]);
    made[index] = true;
  }
  return all[index];
}

// A number as OpenSSL's parameters carry it.
void push_number(OSSL_PARAM_BLD* params, const char* name, const BigNumber& number) {
  CHECK(number != nullptr && OSSL_PARAM_BLD_push_BN(params, name, number.get()) == 1);
}

Pkey fixed_key(const GroupTraits& traits, Bytes private_key, Bytes public_value) {
  const Builder params(OSSL_PARAM_BLD_new());
  const auto number = [](Bytes octets) {
    return BigNumber(BN_bin2bn(octets.data(), static_cast<int>(octets.size()), nullptr));
  };
  const BigNumber secret_number = number(private_key);  // outlives what is built from it
  const BigNumber public_number = number(public_value);
  std::vector<std::uint8_t> point{kUncompressed};
  point.insert(point.end(), public_value.begin(), public_value.end());
  const Bytes octets = traits.family == Family::ec ? Bytes(point) : public_value;
  if (traits.group != nullptr) {
    CHECK(OSSL_PARAM_BLD_push_utf8_string(params.get(), OSSL_PKEY_PARAM_GROUP_NAME, traits.group,
                                          0) == 1);
    push_number(params.get(), OSSL_PKEY_PARAM_PRIV_KEY, secret_number);
  } else {
    CHECK(OSSL_PARAM_BLD_push_octet_string(params.get(), OSSL_PKEY_PARAM_PRIV_KEY,
                                           private_key.data(), private_key.size()) == 1);
  }
  if (traits.family == Family::modp) {
    push_number(params.get(), OSSL_PKEY_PARAM_PUB_KEY, public_number);
  } else {
    CHECK(OSSL_PARAM_BLD_push_octet_string(params.get(), OSSL_PKEY_PARAM_PUB_KEY, octets.data(),
                                           octets.size()) == 1);
  }
  const Params built(OSSL_PARAM_BLD_to_param(params.get()));
  const PkeyCtx ctx(EVP_PKEY_CTX_new_from_name(nullptr, traits.algorithm, nullptr));
  EVP_PKEY* key = nullptr;
  CHECK(EVP_PKEY_fromdata_init(ctx.get()) == 1);
  CHECK(EVP_PKEY_fromdata(ctx.get(), &key, EVP_PKEY_KEYPAIR, built.get()) == 1);
  return Pkey(key);
}

std::vector<std::uint8_t> public_octets(EVP_PKEY* key, KeGroup group) {
  const bool point = traits_of(group).family == Family::ec;
  std::vector<std::uint8_t> octets(ke_public_len(group) + (point ? 1 : 0));
  std::size_t len = 0;
  CHECK(EVP_PKEY_get_octet_string_param(key, OSSL_PKEY_PARAM_ENCODED_PUBLIC_KEY, octets.data(),
                                        octets.size(), &len) == 1);
  CHECK(len == octets.size());
  if (point) octets.erase(octets.begin());
  return octets;
}

// Reads a peer's value into the thread's EVP_PKEY for the group. Null when it is not in the group.
EVP_PKEY* read_peer(KeGroup group, Bytes value) {
  const Family family = traits_of(group).family;
  if (value.size() != ke_public_len(group)) return nullptr;
  std::array<std::uint8_t, 1 + kKePublicMax> point{kUncompressed};
  const std::size_t prefix = family == Family::ec ? 1 : 0;
  std::ranges::copy(value, point.begin() + prefix);
  EVP_PKEY* peer = kept_for(group).peer.get();
  // RFC 6989 §2.3: a point that is not on the curve MUST be refused; OpenSSL sees it here.
  if (EVP_PKEY_set1_encoded_public_key(peer, point.data(), prefix + value.size()) == 1) return peer;
  ERR_clear_error();
  return nullptr;
}

// g^ir of two keys of one group into exactly ke_shared_len octets.
bool agree(KeGroup group, EVP_PKEY* own, EVP_PKEY* peer, MutBytes out) {
  const PkeyCtx ctx = context_of(own);
  CHECK(ctx != nullptr && EVP_PKEY_derive_init(ctx.get()) == 1);
  if (traits_of(group).family == Family::modp) {
    unsigned pad = 1;  // RFC 7296 §2.14: as long as the prime, whatever the secret begins with.
    const OSSL_PARAM params[] = {OSSL_PARAM_construct_uint(OSSL_EXCHANGE_PARAM_PAD, &pad),
                                 OSSL_PARAM_construct_end()};
    CHECK(EVP_PKEY_CTX_set_params(ctx.get(), params) == 1);
  }
  std::size_t len = out.size();
  const bool agreed = EVP_PKEY_derive_set_peer_ex(ctx.get(), peer, 0) == 1 &&
                      EVP_PKEY_derive(ctx.get(), out.data(), &len) == 1 && len == out.size();
  if (!agreed) ERR_clear_error();
  return agreed;
}

bool decapsulate(EVP_PKEY* own, Bytes ciphertext, MutBytes out) {
  const PkeyCtx ctx = context_of(own);
  CHECK(ctx != nullptr && EVP_PKEY_decapsulate_init(ctx.get(), nullptr) == 1);
  std::size_t len = out.size();
  const bool opened = EVP_PKEY_decapsulate(ctx.get(), out.data(), &len, ciphertext.data(),
                                           ciphertext.size()) == 1 &&
                      len == out.size();
  if (!opened) ERR_clear_error();
  return opened;
}

// An ML-KEM key is never overwritten in OpenSSL, so each peer's gets an object of its own.
bool encapsulate(const GroupTraits& traits, Bytes value, std::vector<std::uint8_t>& ciphertext,
                 MutBytes out) {
  const Pkey peer(EVP_PKEY_new_raw_public_key_ex(nullptr, traits.algorithm, nullptr, value.data(),
                                                 value.size()));
  const PkeyCtx ctx = peer == nullptr ? nullptr : context_of(peer.get());
  std::size_t len = out.size();
  std::size_t ciphertext_len = ciphertext.size();
  const bool sealed =
      ctx != nullptr && EVP_PKEY_encapsulate_init(ctx.get(), nullptr) == 1 &&
      EVP_PKEY_encapsulate(ctx.get(), ciphertext.data(), &ciphertext_len, out.data(), &len) == 1 &&
      len == out.size() && ciphertext_len == ciphertext.size();
  if (!sealed) ERR_clear_error();
  return sealed;
}

// RFC 7748 §6.1: a secret of zeroes comes of a point of small order and is refused.
bool is_zero_secret(Bytes secret) {
  constexpr std::array<std::uint8_t, kKeSharedMax> kZeroes{};
  return ct_equal(secret, Bytes(kZeroes).first(secret.size()));
}

}  // namespace

struct KeyExchange::Keys {
  Pkey own;
};

bool is_available(KeGroup group) { return kept_for(group).draw != nullptr; }

KeyExchange::KeyExchange(KeGroup group, std::unique_ptr<Keys> keys)
    : group_(group), public_(public_octets(keys->own.get(), group)), keys_(std::move(keys)) {}

KeyExchange::~KeyExchange() = default;

std::unique_ptr<KeyExchange> KeyExchange::make(KeGroup group) {
  if (!is_available(group)) return nullptr;
  auto keys = std::make_unique<Keys>(draw_key(kept_for(group)));
  return std::unique_ptr<KeyExchange>(new KeyExchange(group, std::move(keys)));
}

std::unique_ptr<KeyExchange> KeyExchange::make_fixed(KeGroup group, Bytes private_key,
                                                     Bytes public_value) {
  auto keys = std::make_unique<Keys>(fixed_key(traits_of(group), private_key, public_value));
  return std::unique_ptr<KeyExchange>(new KeyExchange(group, std::move(keys)));
}

bool KeyExchange::derive(Bytes peer, MutBytes out) const {
  CHECK(out.size() >= ke_shared_len(group_));
  const MutBytes secret = out.first(ke_shared_len(group_));
  bool derived = false;
  if (traits_of(group_).family == Family::kem) {
    derived = peer.size() == ke_answer_len(group_) && decapsulate(keys_->own.get(), peer, secret);
  } else if (EVP_PKEY* const other = read_peer(group_, peer)) {
    derived = agree(group_, keys_->own.get(), other, secret);
  }
  if (derived && !is_zero_secret(secret)) return true;
  secure_zero(secret);
  return false;
}

bool KeyExchange::respond(KeGroup group, Bytes peer, std::vector<std::uint8_t>& answer,
                          MutBytes out) {
  CHECK(out.size() >= ke_shared_len(group));
  const MutBytes secret = out.first(ke_shared_len(group));
  answer.clear();
  secure_zero(secret);
  if (!is_available(group) || peer.size() != ke_public_len(group)) return false;
  if (traits_of(group).family == Family::kem) {
    answer.resize(ke_answer_len(group));
    if (encapsulate(traits_of(group), peer, answer, secret)) return true;
  } else if (EVP_PKEY* const other = read_peer(group, peer)) {
    const Pkey own = draw_key(kept_for(group));
    if (agree(group, own.get(), other, secret) && !is_zero_secret(secret)) {
      answer = public_octets(own.get(), group);
      return true;
    }
  }
  answer.clear();
  secure_zero(secret);
  return false;
}

}  // namespace crypto

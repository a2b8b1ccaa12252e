// Ephemeral key exchange: X25519 (RFC 7748), ECDH on the NIST curves (RFC 5903), MODP groups (RFC
// 3526) and, where the installed OpenSSL has it (3.5 and later), ML-KEM-768 (FIPS 203).
//
// The octets are those of a KE payload. One object is one key pair and serves one exchange; the
// private key is wiped with it. No call waits or locks; OpenSSL allocates, so this is for the
// control thread and not for the packet path. Any thread; one object is not shared.
#pragma once

#include <array>
#include <memory>
#include <vector>

#include "crypto/base/bytes.h"

namespace crypto {

enum class KeGroup : std::uint8_t {
  x25519,
  p256,
  p384,
  p521,
  modp2048,
  modp3072,
  modp4096,
  ml_kem_768,
};
inline constexpr std::size_t kKeGroupCount = 8;

// False for ml_kem_768 where OpenSSL lacks it; true for all others.
bool is_available(KeGroup group);

// Octets of a public value. P-xxx: x | y without the leading 0x04 (RFC 5903 §7). MODP: padded on
// the left to the length of the prime (RFC 7296 §3.4). ML-KEM: what the initiator sends.
constexpr std::size_t ke_public_len(KeGroup group) {
  constexpr std::array<std::size_t, kKeGroupCount> kLen = {32, 64, 96, 132, 256, 384, 512, 1184};
  return kLen[static_cast<std::size_t>(group)];
}
// What the responder sends: the same, but for ML-KEM, where it is the ciphertext.
constexpr std::size_t ke_answer_len(KeGroup group) {
  return group == KeGroup::ml_kem_768 ? 1088 : ke_public_len(group);
}
// Octets of the shared secret g^ir. P-xxx: the x coordinate. MODP: padded on the left.
constexpr std::size_t ke_shared_len(KeGroup group) {
  constexpr std::array<std::size_t, kKeGroupCount> kLen = {32, 32, 48, 66, 256, 384, 512, 32};
  return kLen[static_cast<std::size_t>(group)];
}
inline constexpr std::size_t kKePublicMax = 1184;
inline constexpr std::size_t kKeSharedMax = 512;

class KeyExchange {
 public:
  // A new key pair; null when the group is not available.
  static std::unique_ptr<KeyExchange> make(KeGroup group);
  // A known key pair, for tests against published numbers. Not for ML-KEM.
  static std::unique_ptr<KeyExchange> make_fixed(KeGroup group, Bytes private_key,
                                                 Bytes public_value);

  ~KeyExchange();
  KeyExchange(const KeyExchange&) = delete;
  KeyExchange& operator=(const KeyExchange&) = delete;

  KeGroup group() const { return group_; }
  // ke_public_len(group()) octets, valid as long as this object.
  Bytes public_value() const { return public_; }

  // The shared secret into the first ke_shared_len(group()) octets of `out`, which the caller
  // wipes. `peer` is the other side's value: ke_answer_len(group()) octets for ML-KEM, where only
  // an initiator calls this. False, and `out` zeroed, when the value has another length, lies
  // outside the group (RFC 6989 §2) or leads to a secret of zeroes (RFC 7748 §6.1).
  [[nodiscard]] bool derive(Bytes peer, MutBytes out) const;

  // The responder in one call, for every group: draws a key pair (or encapsulates), writes what
  // goes into its KE payload to `answer` and the secret to `out` as above. False, both empty or
  // zeroed, for the same reasons as derive(), and when the group is not available.
  [[nodiscard]] static bool respond(KeGroup group, Bytes peer, std::vector<std::uint8_t>& answer,
                                    MutBytes out);

 private:
  struct Keys;  // OpenSSL's objects
  KeyExchange(KeGroup group, std::unique_ptr<Keys> keys);

  KeGroup group_;
  std::vector<std::uint8_t> public_;
  std::unique_ptr<Keys> keys_;
};

}  // namespace crypto

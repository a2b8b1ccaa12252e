// Engine: batch AEAD, HMAC and SHA-1 over lanes, the packet path's one door to a crypto library.
//
// Two implementations have the same results: make_mb_engine() (Intel IPsec-MB, crypto/mb_engine.cc)
// is the one that serves packets, make_ossl_engine() (OpenSSL, crypto/ossl_engine.cc) is the
// reference in tests and the rival in benchmarks. Every call takes a batch ("lanes"); the virtual
// call is paid once per batch. A bad lane never changes the result of another lane. No call
// allocates, blocks or throws.
//
// Thread: an Engine belongs to the thread that uses it; make one per worker. ExpandedKey and PrfKey
// are plain memory, filled by an engine and valid for engines of the same kind only (any thread may
// read).
#pragma once

#include <memory>

#include "crypto/base/bytes.h"

namespace crypto {

// AEAD algorithms of SK payloads, ESP and tickets. All have a 12-octet nonce and a 16-octet tag.
enum class Aead : std::uint8_t { aes128_gcm, aes256_gcm, chacha20_poly1305 };
inline constexpr std::size_t kAeadCount = 3;
inline constexpr std::size_t kAeadNonceLen = 12;
inline constexpr std::size_t kAeadTagLen = 16;
constexpr std::size_t aead_key_len(Aead a) { return a == Aead::aes128_gcm ? 16 : 32; }

// PRFs of IKEv2 (RFC 4868): HMAC with the full-length output.
enum class Prf : std::uint8_t { hmac_sha256, hmac_sha384, hmac_sha512 };
inline constexpr std::size_t kPrfCount = 3;
inline constexpr std::size_t kPrfLenMax = 64;
constexpr std::size_t prf_len(Prf p) {
  return p == Prf::hmac_sha256 ? 32 : p == Prf::hmac_sha384 ? 48 : 64;
}

// An AEAD key as an engine wants it (key schedule and GHASH table). Opaque; wipes itself.
class alignas(64) ExpandedKey {
 public:
  static constexpr std::size_t kStorageLen = RESURGE_EXPANDED_KEY_LEN;  // by meson.build
  ExpandedKey() = default;
  ~ExpandedKey();
  ExpandedKey(const ExpandedKey&) = delete;
  ExpandedKey& operator=(const ExpandedKey&) = delete;
  std::uint8_t* storage() { return storage_; }
  const std::uint8_t* storage() const { return storage_; }

 private:
  std::uint8_t storage_[kStorageLen];  // Not initialised: burst scratch holds many of these.
};

// An HMAC key as an engine wants it (the two hash states after the padded key). Opaque; wipes
// itself.
class alignas(64) PrfKey {
 public:
  static constexpr std::size_t kStorageLen = 192;
  PrfKey() = default;
  ~PrfKey();
  PrfKey(const PrfKey&) = delete;
  PrfKey& operator=(const PrfKey&) = delete;
  std::uint8_t* storage() { return storage_; }
  const std::uint8_t* storage() const { return storage_; }

 private:
  std::uint8_t storage_[kStorageLen];
};

// One message to open or to seal. `key` may be shared by many lanes; when it is null the engine
// expands `raw_key` (aead_key_len octets) for this lane alone. `out` may equal `in` (in place) and
// must not overlap it otherwise. open: reads `tag`, sets `ok`; when not ok, `out` holds zeroes
// (`len` of them). seal: writes `tag`, sets ok = true.
struct AeadLane {
  const ExpandedKey* key = nullptr;
  const std::uint8_t* raw_key = nullptr;
  const std::uint8_t* nonce = nullptr;  // kAeadNonceLen octets
  Bytes aad;
  const std::uint8_t* in = nullptr;
  std::uint32_t len = 0;  // octets of text, the tag not counted
  std::uint8_t* out = nullptr;
  std::uint8_t* tag = nullptr;  // kAeadTagLen octets
  bool ok = false;
};

struct ExpandLane {
  const std::uint8_t* raw_key = nullptr;  // aead_key_len octets
  ExpandedKey* out = nullptr;
};

// HMAC key set-up. Any key length is right; keys over one hash block are hashed first (RFC 2104
// §2).
struct PrfKeyLane {
  Bytes key;
  PrfKey* out = nullptr;
};

// One HMAC: `out` receives prf_len octets and may overlap the message of this lane, not of others.
struct MacLane {
  const PrfKey* key = nullptr;
  Bytes message;
  std::uint8_t* out = nullptr;
};

struct Sha1Lane {
  Bytes message;
  std::uint8_t* out = nullptr;  // 20 octets
};

class Engine {
 public:
  virtual ~Engine() = default;

  // The library and the instruction sets in use, for logs and reports, e.g. "IPsec-MB 1.3.0 avx2
  // sha-ni".
  virtual const char* name() const = 0;

  virtual void expand(Aead alg, std::span<const ExpandLane> lanes) = 0;
  virtual void open(Aead alg, std::span<AeadLane> lanes) = 0;
  virtual void seal(Aead alg, std::span<AeadLane> lanes) = 0;

  virtual void prepare(Prf alg, std::span<const PrfKeyLane> lanes) = 0;
  virtual void mac(Prf alg, std::span<const MacLane> lanes) = 0;

  // NAT_DETECTION_*_IP only (RFC 7296 §2.23); SHA-1 protects nothing here.
  virtual void sha1(std::span<const Sha1Lane> lanes) = 0;

  // AES-CBC without padding for SK payloads (RFC 7296 §3.14); `key` has 16 or 32 octets, `iv` 16,
  // the length is a multiple of 16, in place is right. One message a call: the cold suites.
  virtual void cbc_encrypt(Bytes key, const std::uint8_t* iv, Bytes in, std::uint8_t* out) = 0;
  virtual void cbc_decrypt(Bytes key, const std::uint8_t* iv, Bytes in, std::uint8_t* out) = 0;
};

// Null when the processor lacks what IPsec-MB needs (SSE4.2, AES-NI, PCLMULQDQ).
std::unique_ptr<Engine> make_mb_engine();
std::unique_ptr<Engine> make_ossl_engine();

}  // namespace crypto

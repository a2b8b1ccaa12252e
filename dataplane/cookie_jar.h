// CookieJar: stateless cookies (RFC 7296 §2.6) and the decision when to demand them (hysteresis).
//
//   cookie = version(1) | first 16 octets of HMAC-SHA-256(secret[version],
//            exchange(1) | source length(1) | SPIi(8) | source(4 or 16) | Ni)
//
// The version is the low octet of the period; the port is left out, as RFC 7296 leaves it out.
//
// Two secrets are kept; a new one is drawn every kRotateMs, so a cookie is good for one to two
// periods. Demanded by what cannot be genuine: forged tickets and half-opens without proof, never
// by the number of genuine tickets. Worker thread only; each worker has its own jar but all share
// the secrets' seed, so that a cookie survives RSS changes.
#pragma once

#include <array>
#include <cstdint>

#include "crypto/base/bytes.h"
#include "crypto/base/secret.h"
#include "crypto/engine.h"
#include "dataplane/api/config.h"
#include "dataplane/burst.h"
#include "dataplane/now.h"

namespace dp {

inline constexpr std::size_t kCookieLen = 17;
inline constexpr std::uint64_t kRotateMs = 60000;

class CookieJar {
 public:
  // The secret of period p is HMAC-SHA-256(seed, p): no state to share between workers.
  CookieJar(crypto::Engine& engine, crypto::Bytes seed, const AdmissionConfig& config);

  // Called once per burst, and before the first check() or bake(): rotates secrets, ends or begins
  // cookie mode. Cookies are demanded as soon as one second saw `cookie_on_forged_per_s` forged
  // tickets or there are `cookie_on_half_opens` half-opens without proof, and for `cookie_hold_ms`
  // after that ended.
  void tick(const Now& now, std::uint32_t half_opens_without_proof);
  void note_forged(unsigned count) { forged_ += count; }
  bool demanded() const { return demanded_; }

  // One input of a batch.
  struct Request {
    const Path* path = nullptr;
    ike::Exchange exchange = ike::Exchange::ike_session_resume;
    ike::IkeSpi spi_i;
    crypto::Bytes nonce_i;
    crypto::Bytes cookie;                          // as received; empty = none
    bool good = false;                             // out of check()
    std::array<std::uint8_t, kCookieLen> fresh{};  // out of bake(): the cookie to demand
  };
  // Compares in constant time; a cookie of the previous period is good too.
  void check(std::span<Request> requests);
  // For those without a good one.
  void bake(std::span<Request> requests);

 private:
  void draw(std::uint64_t period);
  crypto::Engine& engine_;
  AdmissionConfig config_;
  crypto::PrfKey seed_key_;
  crypto::PrfKey secrets_[2];  // by parity of the period
  std::uint64_t period_ = 0;
  std::uint64_t forged_ = 0;
  std::uint64_t window_start_ms_ = 0;
  std::uint64_t hold_until_ms_ = 0;
  bool demanded_ = false;
  bool drawn_ = false;
};

}  // namespace dp

// EspSa: a Child SA as the packet path of ESP sees it, in whole cache lines, so that what a packet
// of one direction needs lies together.
//
// Plain memory inside EspTable's arena; wiped when freed. The keys stay as KEYMAT gave them: the
// tables that AES-GCM wants are eight times as large and are made at first use (esp_key_cache.h).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "crypto/engine.h"
#include "dataplane/api/config.h"
#include "dataplane/replay_window.h"
#include "ike/ids.h"
#include "ike/suite.h"

namespace dp {

// ESP algorithms: RFC 4106, RFC 7634, RFC 3602.
enum class EspCipher : std::uint8_t { aes128_gcm, aes256_gcm, chacha20, aes128_cbc, aes256_cbc };

constexpr bool is_aead(EspCipher c) { return c < EspCipher::aes128_cbc; }
constexpr crypto::Aead aead_of(EspCipher c) {
  return c == EspCipher::aes128_gcm   ? crypto::Aead::aes128_gcm
         : c == EspCipher::aes256_gcm ? crypto::Aead::aes256_gcm
                                      : crypto::Aead::chacha20_poly1305;
}
constexpr std::size_t key_len(EspCipher c) {
  return c == EspCipher::aes128_gcm || c == EspCipher::aes128_cbc ? 16 : 32;
}
constexpr std::size_t iv_len(EspCipher c) { return is_aead(c) ? 8 : 16; }
// The trailer ends on a multiple of this power of two (RFC 4303 §2.4): masks below, not divisions,
// which are most of what a short stage costs.
constexpr std::size_t block_len(EspCipher c) { return is_aead(c) ? 4 : 16; }

constexpr bool is_whole(std::size_t len, std::size_t block) { return (len & (block - 1)) == 0; }
// What makes a text of `len` octets end on a multiple.
constexpr std::size_t padding_to(std::size_t len, std::size_t block) {
  return (0 - len) & (block - 1);
}

enum class EspState : std::uint8_t { free, live };
// What the control thread was told of an SA's limits.
enum class EspWear : std::uint8_t { none, worn, spent };

inline constexpr std::uint32_t kNoPlace = 0xffffffff;

// One direction's keys.
struct EspDirection {
  std::uint32_t spi = 0;
  std::uint32_t key_entry = kNoPlace;  // of EspKeyCache
  std::array<std::uint8_t, 4> salt{};  // of the AEAD ciphers
  std::array<std::uint8_t, 32> key{};
};

// Inbound packets touch lines 0, 1 and 4 and one of the window's; outbound ones 0, 4 and 5. With
// very many SAs none of them is in the cache: EspTable::prefetch_in() and _out() name the same
// lines.
struct alignas(64) EspSa {
  // Line 0: which packets it takes, and what opens them.
  EspDirection in;
  std::uint32_t selectors = 0;  // in SelectorPool
  std::uint32_t ip4_lease = kNoPlace, ip6_lease = kNoPlace;
  EspState state = EspState::free;
  EspCipher cipher = EspCipher::aes256_gcm;
  crypto::Prf integ = crypto::Prf::hmac_sha256;  // of CBC
  bool esn = false;
  bool encapsulated = false;  // UDP 4500 round ESP (RFC 3948)
  bool peer_is_ip6 = false;
  bool outlives_session = false;  // its slot goes with it: the IKE SA was rekeyed away
  bool limited = false;           // look at `limits`

  // Line 1: what an inbound packet changes. The window's bits are lines 2 and 3.
  std::uint64_t seen_ms = 0;  // the last authentic packet, dummies included
  std::uint64_t packets_in = 0, octets_in = 0;
  std::uint32_t drops_in = 0;
  std::uint32_t predecessor = kNoPlace;  // the SA that this one replaces, still in use
  std::array<std::uint8_t, 6> peer_mac{};
  std::uint16_t local_port = 0, peer_port = 0;
  bool move_is_untold = false;  // the control thread does not know where the peer is
  alignas(8) std::array<std::uint8_t, 8> spare{};
  ReplayWindow window;

  // Line 4: the way to the peer, and what an outbound packet changes. `sent` counts sequence
  // numbers used.
  alignas(64) std::array<std::uint8_t, 16> local{};
  std::array<std::uint8_t, 16> peer{};
  std::uint64_t sent = 0;
  std::uint64_t packets_out = 0;
  std::uint64_t switch_ms = 0;         // the successor takes over then
  std::uint32_t successor = kNoPlace;  // newer SA of the same leases, which the peer may not know
  std::uint32_t drops_out = 0;

  // Line 5.
  EspDirection out;
  std::uint64_t octets_out = 0;
  std::uint64_t installed_ms = 0;

  // Seldom. Integrity keys are of the CBC suites.
  ike::IkeSpi ike_spi_r;
  ChildLimits limits;
  std::uint64_t told_ms = 0;  // when the control thread was told last where the peer is
  EspWear wear = EspWear::none;
  alignas(64) std::array<std::uint8_t, 64> integ_in, integ_out;

  std::size_t icv_len() const { return is_aead(cipher) ? 16 : crypto::prf_len(integ) / 2; }
  std::size_t integ_key_len() const { return crypto::prf_len(integ); }
};
static_assert(sizeof(EspSa) == 576);
static_assert(offsetof(EspSa, seen_ms) == 64 && offsetof(EspSa, local) == 256);
static_assert(offsetof(EspSa, window) == 120 && offsetof(EspSa, out) == 320);

EspCipher esp_cipher_of(const ike::Suite& suite);
ike::Suite suite_of(const EspSa& sa);

}  // namespace dp

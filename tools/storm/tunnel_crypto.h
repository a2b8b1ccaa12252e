// The cryptographic form of ESP as a client has it: sealing and opening packets of one suite over
// lanes (RFC 4303, RFC 4106, RFC 7634, RFC 3602 with RFC 4868).
//
// Shares no code with the gateway's path, so that each checks the other.
#pragma once

#include <array>
#include <memory>
#include <span>

#include "crypto/engine.h"
#include "crypto/random.h"
#include "ike/suite.h"
#include "tools/storm/flight.h"

namespace storm {

// `packet` has TunnelCrypto::sealed_len(inner_len) octets; the inner packet stands at
// text_offset().
struct EspSealLane {
  crypto::Bytes encr, integ;  // of our direction, as KEYMAT has them: the salt of an AEAD behind it
  std::uint32_t spi = 0;
  std::uint32_t number = 0;
  std::size_t inner_len = 0;
  bool is_ip6 = false;
  crypto::MutBytes packet;
};

struct EspOpenLane {
  crypto::Bytes encr, integ;          // of the gateway's direction
  crypto::Bytes packet;               // from the SPI
  std::uint8_t* plaintext = nullptr;  // room for as many octets
  bool ok = false;                    // out: the ICV is right
  std::uint32_t number = 0;           // out
  crypto::Bytes text;                 // out, in `plaintext`: inner packet, padding, trailer
};

class TunnelCrypto {
 public:
  // At most kBatchMax lanes a call. Both references outlive the object; the engine's thread.
  TunnelCrypto(crypto::Engine& engine, crypto::Random& random, const ike::Suite& suite);
  ~TunnelCrypto();

  std::size_t text_offset() const { return 8 + ike::iv_len(suite_); }
  std::size_t sealed_len(std::size_t inner_len) const;

  void seal(std::span<const EspSealLane> lanes);
  // A packet too short or not of whole blocks is not ok.
  void open(std::span<EspOpenLane> lanes);

 private:
  struct Scratch;
  std::size_t block_len() const { return ike::is_aead(suite_.encr) ? 4 : 16; }
  bool is_whole(crypto::Bytes packet) const;
  crypto::AeadLane aead_lane(std::size_t i, crypto::Bytes encr, crypto::Bytes packet);
  void authenticate(std::size_t count);
  void seal_cbc(std::span<const EspSealLane> lanes);
  void open_aead(std::span<EspOpenLane> lanes);
  void open_cbc(std::span<EspOpenLane> lanes);

  crypto::Engine& engine_;
  crypto::Random& random_;
  const ike::Suite suite_;
  std::unique_ptr<Scratch> scratch_;
};

// Cuts padding and trailer off `text`: the inner packet, of the version that the next header names.
// False when the padding is not 1, 2, 3, ... or the next header is no IP (RFC 4303 §2.4, §2.6).
[[nodiscard]] bool read_trailer(crypto::Bytes text, crypto::Bytes& inner, bool& is_ip6);

}  // namespace storm

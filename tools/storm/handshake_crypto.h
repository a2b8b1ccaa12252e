// Batch cryptography of full handshakes with a pre-shared key: what follows from g^ir, and AUTH of
// both sides (RFC 7296 §2.14, §2.15, §2.17).
#pragma once

#include <array>
#include <memory>
#include <span>

#include "crypto/engine.h"
#include "tools/storm/flight.h"

namespace storm {

// A flight whose message 2 arrived; Flight::request is still message 1. The spans live as long as
// the burst.
struct SecretLane {
  Flight* flight = nullptr;
  ike::Suite suite;
  crypto::Bytes shared;  // g^ir
  crypto::Bytes nonce_r;
  crypto::Bytes id_i;                                   // body
  std::array<std::uint8_t, crypto::kPrfLenMax> auth_i;  // out: our AUTH
};

// A flight whose message 4 was opened.
struct VerifyLane {
  Flight* flight = nullptr;
  ike::Suite suite;
  crypto::Bytes message2;  // RealMessage2
  crypto::Bytes id_r;      // body, as received
  crypto::Bytes auth;
  std::size_t place = 0;  // the caller's
  bool ok = false;        // out: AUTH is that of somebody who has the key
};

// Runs lanes of any mixture of suites, at most kBatchMax a call; spans may be reordered. Belongs to
// the engine's thread.
class HandshakeCrypto {
 public:
  // The PSK is used up here; what is kept of it is wiped with the object.
  HandshakeCrypto(crypto::Engine& engine, crypto::Bytes psk, const ike::Suite& child_suite);
  ~HandshakeCrypto();

  // Fills keymat and child_keymat of the flights and auth_i of the lanes.
  void derive(std::span<SecretLane> lanes);
  void verify(std::span<VerifyLane> lanes);

 private:
  struct Scratch;
  void derive_suite(std::span<SecretLane> lanes);
  void sign(std::span<SecretLane> lanes, crypto::Prf prf);
  void verify_suite(std::span<VerifyLane> lanes);

  crypto::Engine& engine_;
  ike::Suite child_suite_;
  // prf(PSK, "Key Pad for IKEv2") as a key, by PRF.
  std::array<crypto::PrfKey, crypto::kPrfCount> pad_;
  std::unique_ptr<Scratch> scratch_;
};

}  // namespace storm

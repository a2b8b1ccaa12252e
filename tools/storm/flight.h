// Flight: one resumption (or one DPD) between its first request and its last answer, and the batch
// cryptography over flights.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>

#include "crypto/engine.h"
#include "crypto/prf_plus.h"
#include "ike/auth_value.h"
#include "ike/ids.h"
#include "ike/key_schedule.h"
#include "ike/sk_payload.h"
#include "ike/suite.h"
#include "tools/storm/ticket_bag.h"

namespace storm {

inline constexpr std::size_t kBatchMax = 64;

enum class FlightState : std::uint8_t { free, message1, message3, dpd };

// Plain memory inside an arena; wiped when it is freed. The request that waits for its answer is
// kept for retransmission, with room behind it for the octets that AUTH covers.
inline constexpr std::size_t kRequestMax = 1536;
inline constexpr std::size_t kAnswerMax = 1536;
struct Flight {
  ike::IkeSpi spi_i, spi_r;
  std::uint64_t scheduled_ns;  // when the client wanted to start: latency counts from here
  std::uint64_t interval_ns;   // until the next retransmission
  std::uint32_t client;
  std::uint16_t request_len;
  std::uint8_t tries;       // transmissions of this request
  std::uint8_t restarts;    // new SPIs after message 3 stayed unanswered
  std::uint8_t challenges;  // COOKIE answers to this message 1
  FlightState state;
  bool queued;            // the place stands in the ring of what is to be sent
  ike::EspSpi child_spi;  // our inbound SPI
  std::array<std::uint8_t, ike::kNonceLen> nonce_i;
  alignas(64) std::array<std::uint8_t, ike::kIkeKeymatMax> keymat;
  std::array<std::uint8_t, crypto::kPrfLenMax> auth_r;  // what message 4 must carry
  std::array<std::uint8_t, ike::kChildKeymatMax> child_keymat;
  alignas(
      64) std::array<std::uint8_t, kRequestMax + ike::kNonceLenMax + crypto::kPrfLenMax> request;

  crypto::Bytes pending() const { return {request.data(), request_len}; }
};

// A flight whose message 2 arrived. The spans live as long as the messages of the burst.
struct KeyLane {
  Flight* flight = nullptr;
  Credential credential;
  crypto::Bytes message2;
  crypto::Bytes nonce_r;
  std::array<std::uint8_t, crypto::kPrfLenMax> auth_i;  // out: our AUTH
};

// A message whose SK payload is to be sealed in place, or was received.
struct SealLane {
  Flight* flight = nullptr;
  ike::Suite suite;
  crypto::Bytes sk_e, sk_a;
  crypto::MutBytes message;
};
struct OpenLane {
  Flight* flight = nullptr;
  ike::Suite suite;
  crypto::Bytes sk_e, sk_a;
  ike::SkView sk;
  std::uint8_t* plaintext = nullptr;
  bool ok = false;  // out
};

// Runs lanes of any mixture of suites; lanes of one suite make one batch. Spans may be reordered.
// At most kBatchMax lanes a call. Belongs to the engine's thread.
class FlightCrypto {
 public:
  FlightCrypto(crypto::Engine& engine, ike::AuthForm form, const ike::Suite& child_suite);
  ~FlightCrypto();

  // SKEYSEED, SK_*, both AUTH values and the Child KEYMAT (RFC 5723 §5.1, RFC 7296 §2.17):
  // fills keymat, auth_r and child_keymat of the flights and auth_i of the lanes. Flight::request
  // is still message 1.
  void derive(std::span<KeyLane> lanes);
  void seal(std::span<SealLane> lanes);
  void open(std::span<OpenLane> lanes);

 private:
  struct Scratch;
  void derive_suite(std::span<KeyLane> lanes);
  void sign(std::span<KeyLane> lanes, crypto::Prf prf);

  crypto::Engine& engine_;
  ike::AuthForm form_;
  ike::Suite child_suite_;
  std::unique_ptr<Scratch> scratch_;
};

}  // namespace storm

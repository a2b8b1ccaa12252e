// The pure crypto of one whole resumption through crypto::Engine, and nothing else: the yardstick.
//
// Both exchanges of RFC 5723 as the responder sees them, N sessions in lockstep, step by step over
// all of them. No parsing, no tables, no input or output, no drawing of random numbers. Every tag
// and every AUTH is checked, so a run that goes through has computed the right values.
//
//   message 1-2   ticket open, SK_d_old -> SKEYSEED, prf+ -> SK_*               RFC 5723 §5.1
//
//   message 3     request open, AUTH of the initiator                           RFC 7296 §2.15
//
//   message 4     AUTH of the responder, child KEYMAT, response seal, ticket    RFC 7296 §2.17
#pragma once

#include <array>
#include <memory>
#include <vector>

#include "crypto/engine.h"
#include "crypto/prf_plus.h"

namespace bench {

// Octets of what is opened, sealed and hashed, near to what the gateway and its clients send.
inline constexpr std::size_t kChainLanesMax = 32;
inline constexpr std::size_t kTicketText = 200;
inline constexpr std::size_t kTicketAad = 24;
inline constexpr std::size_t kNonce = 32;
inline constexpr std::size_t kSkeyseedText = 10 + 2 * kNonce;  // "Resumption" | Ni | Nr
inline constexpr std::size_t kKeysSeed = 2 * kNonce + 16;      // Ni | Nr | SPIi | SPIr
inline constexpr std::size_t kRequestText = 250;
inline constexpr std::size_t kResponseText = 450;
inline constexpr std::size_t kSkAad = 32;  // header, and the header of the SK payload
inline constexpr std::size_t kIdMin = 24;  // lanes have unequal identities
inline constexpr std::size_t kIdMax = 36;
inline constexpr std::size_t kFirstMessage = 350;  // what AUTH covers: the sender's first message
inline constexpr std::size_t kChildSeed = 2 * kNonce;
inline constexpr std::size_t kChildKeys = 72;  // two AES-256 keys with their salts
inline constexpr std::size_t kSkKey = 32;      // SK_e* without the salt
inline constexpr std::size_t kSkKeySalt = 36;

enum class Step : std::uint8_t {
  ticket_open,
  skeyseed,
  sk_keys,
  request_open,
  auth,
  child_keys,
  response_seal,
  ticket_seal,
};
inline constexpr std::size_t kStepCount = 8;
const char* step_name(Step s);
using StepNs = std::array<double, kStepCount>;

// One thread. All memory is taken in the constructor.
class PureChain {
 public:
  // `pool` sessions are made, a multiple of `lanes`; batches rotate over them. The same arguments
  // give the same sessions whatever the engine.
  PureChain(crypto::Engine& engine, crypto::Prf prf, std::size_t pool,
            std::size_t lanes = kChainLanesMax);
  ~PureChain();

  void run_batch();              // one batch of `lanes` resumptions; aborts on a wrong tag or AUTH
  void run_batch(StepNs& time);  // the same, and adds what each step took

  // A digest of everything that the batches have put out, over the whole pool.
  std::array<std::uint8_t, 20> digest();

  std::size_t lanes() const { return lanes_; }
  std::size_t pool() const;

 private:
  struct Session;
  struct Scratch;
  std::span<Session> batch();

  void run_step(Step step, std::span<Session> sessions);
  void open_tickets(std::span<Session> sessions);
  void derive_skeyseed(std::span<Session> sessions);
  void derive_sk_keys(std::span<Session> sessions);
  void open_requests(std::span<Session> sessions);
  void compute_auth(std::span<Session> sessions);
  void derive_child_keys(std::span<Session> sessions);
  void seal_responses(std::span<Session> sessions);
  void seal_tickets(std::span<Session> sessions);
  void make_sessions();

  crypto::Engine& engine_;
  crypto::Prf prf_;
  std::size_t prf_len_;
  std::size_t lanes_;
  std::size_t next_ = 0;
  bool checking_ = false;  // off while the sessions are made: their AUTH values do not exist yet
  crypto::ExpandedKey ticket_key_;
  std::unique_ptr<Scratch> scratch_;
  std::vector<Session> sessions_;
};

}  // namespace bench

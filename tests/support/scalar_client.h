// ScalarClient: one RFC 5723 client with every octet in the open, for tests of what a gateway
// answers.
//
// Written from the RFCs and not from ike/: payload chains, key schedule, AUTH and SK payloads have
// an encoder and a formula of their own here, over OpenSSL. Right by default, wrong where a test
// wants it: take the message apart as RawMessage or a list of RawPayload, edit it, send it.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "crypto/engine.h"
#include "ike/auth_value.h"
#include "ike/ids.h"
#include "ike/registry.h"
#include "ike/suite.h"

namespace rig {

using Octets = std::vector<std::uint8_t>;

Octets operator+(Octets a, const Octets& b);
Octets be16(std::uint64_t v);
Octets be32(std::uint64_t v);
Octets be64(std::uint64_t v);

struct RawPayload {
  ike::PayloadType type = ike::PayloadType::none;
  Octets body;
  std::uint8_t second_octet = 0;     // critical bit and reserved bits
  std::optional<std::uint16_t> len;  // Payload Length as written; else the right one
};
using RawChain = std::vector<RawPayload>;
RawPayload raw_notify(std::uint16_t type, const Octets& data = {});
inline RawPayload raw_notify(ike::Notify type, const Octets& data = {}) {
  return raw_notify(static_cast<std::uint16_t>(type), data);
}
Octets write_chain(const RawChain& chain, std::uint8_t next_after_last = 0);

struct RawMessage {
  std::uint64_t spi_i = 0, spi_r = 0;
  std::uint8_t version = 0x20;
  ike::Exchange exchange = ike::Exchange::ike_session_resume;
  std::uint8_t flags = 0x08;
  std::uint32_t message_id = 0;
  RawChain payloads;
  std::optional<std::uint8_t> next_payload;
  std::optional<std::uint32_t> len;  // as written; else the right one
  Octets tail;                       // octets behind the last payload

  // The first payload of the type; nullptr when there is none.
  RawPayload* find(ike::PayloadType type);
  const RawPayload* find(ike::PayloadType type) const;
  // Data of the first notify of this type; empty optional when there is none.
  std::optional<Octets> notify(ike::Notify type) const;
  // Type numbers of all notifies.
  std::vector<std::uint16_t> notifies() const;
};
Octets write_message(const RawMessage& message);
// Empty when header, lengths or chain disagree. SK and SKF end the chain.
std::optional<RawMessage> read_message(crypto::Bytes octets);
std::optional<RawChain> read_chain(std::uint8_t first, crypto::Bytes octets);

// What a client keeps of an SA in order to resume it.
struct Keepsake {
  ike::Suite suite;
  std::uint64_t spi_i = 0, spi_r = 0;  // of the old SA
  Octets sk_d, id_i, id_r;             // bodies of the identities
  Octets ticket;
  std::optional<Octets> ip4, ip6;  // former addresses
};

struct SaKeys {
  Octets d, ai, ar, ei, er, pi, pr;
};

// How a message is protected, apart from its contents.
struct Protection {
  ike::Exchange exchange = ike::Exchange::ike_auth;
  std::uint32_t message_id = 1;
  std::uint8_t flags = 0x08;
  std::optional<std::uint64_t> spi_i, spi_r;
  std::uint8_t pad_octet = 0;
  std::size_t extra_padding = 0;              // whole blocks for CBC
  std::optional<std::uint8_t> pad_length;     // as written; else the right one
  std::optional<std::uint8_t> first_inner;    // as written; else that of the chain
  RawChain before_sk;                         // clear payloads before SK
  std::uint16_t fragment = 0, fragments = 0;  // fragments != 0: SKF with these numbers
};

class ScalarClient {
 public:
  ScalarClient(Keepsake old, std::uint64_t seed);

  Keepsake old;
  std::uint64_t spi_i = 0, spi_r = 0;
  Octets nonce_i, nonce_r;
  Octets message1, message2;  // RealMessage1 and RealMessage2: what was last sent and taken
  SaKeys keys;
  ike::Suite child_suite;
  std::uint32_t child_spi = 0x1000;

  // Message 1: Ni, N(TICKET_OPAQUE). `begin` notes what is sent, for AUTH.
  RawMessage plain_message1() const;
  const Octets& begin() { return begin(write_message(plain_message1())); }
  const Octets& begin(Octets message) { return message1 = std::move(message); }
  // Reads message 2 and derives the keys; false when it is none for this client.
  [[nodiscard]] bool take_message2(crypto::Bytes octets);
  void derive();
  // The challenge's cookie, first in an otherwise unchanged message 1 (RFC 7296 §2.6).
  Octets with_cookie(const Octets& cookie) const;

  // Message 3: IDi, IDr, AUTH, CP, SA, TSi, TSr, N(TICKET_REQUEST).
  RawChain plain_inner3(ike::AuthForm form = ike::AuthForm::rfc) const;
  Octets auth_i(ike::AuthForm form = ike::AuthForm::rfc) const;
  Octets auth_r(ike::AuthForm form = ike::AuthForm::rfc) const;
  Octets seal(const RawChain& inner, const Protection& how = {});
  // The octets of a chain, or any others, as plaintext.
  Octets seal_octets(const Octets& inner, std::uint8_t first, const Protection& how = {});
  Octets message3() { return seal(plain_inner3()); }
  // The chain cut into `count` SKF messages of about equal size.
  std::vector<Octets> message3_fragments(std::size_t count, const Protection& how = {});

  // Decrypts an SK message of the gateway: header and inner chain. Empty when the ICV is wrong.
  std::optional<RawMessage> open(crypto::Bytes octets) const;
  // Empty when message 4 is right: IDr, AUTH of the form, SA, TS; else what is wrong.
  std::string judge(const RawMessage& message4, ike::AuthForm form = ike::AuthForm::rfc) const;
  // What the client keeps for the next time; message 4 must hold a ticket.
  Keepsake renewed(const RawMessage& message4) const;

  Octets prf(const Octets& key, const Octets& text) const;
  Octets prf_plus(const Octets& key, const Octets& seed, std::size_t len) const;
  crypto::Engine& engine() const { return *engine_; }

 private:
  Octets random_octets(std::size_t len);
  std::unique_ptr<crypto::Engine> engine_;
  std::uint64_t state_;
  std::uint64_t next_iv_ = 1;
};

}  // namespace rig

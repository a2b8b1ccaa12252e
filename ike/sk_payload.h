// The Encrypted payload SK (RFC 7296 §3.14, RFC 5282) and Encrypted Fragment SKF (RFC 7383 §2.5):
// where its parts lie, how a batch of them becomes crypto lanes, and the scalar form for all
// suites.
//
//   AEAD  header | [clear payloads] | SK header(4) | IV(8) | ciphertext | ICV(16)
//         AAD = everything before the IV; nonce = salt | IV
//   CBC   header | [clear payloads] | SK header(4) | IV(16) | ciphertext | ICV
//         ICV = HMAC over everything before it
//   SKF   as SK, with fragment number(2) and total(2) behind the generic header
//   plaintext = inner payloads | padding | Pad Length(1)
#pragma once

#include "crypto/engine.h"
#include "ike/builder.h"
#include "ike/header.h"
#include "ike/parse_error.h"
#include "ike/suite.h"

namespace ike {

// Where SK (or SKF) stands in a received message. All spans point into the message.
struct SkView {
  PayloadType first_inner = PayloadType::none;
  bool fragment = false;
  std::uint16_t fragment_number = 1;  // 1-based; 1 of 1 for SK
  std::uint16_t fragment_total = 1;
  crypto::Bytes aad;  // octets before the IV
  crypto::Bytes iv;
  crypto::Bytes ciphertext;  // without ICV
  crypto::Bytes icv;
};

// Finds SK or SKF in `message` (header already parsed) for a suite. Clear payloads before it are
// ignored (RFC 7296 §3.14), unless unknown and critical. missing_payload: no SK; bad_sk: not last,
// too short for the suite, CBC text not a multiple of 16, fragment number 0 or above total.
ParseError find_sk(crypto::Bytes message, const Header& header, const Suite& suite, SkView& out);

// The AEAD lane that opens `sk` into `plaintext` (at least sk.ciphertext.size() octets; may be the
// ciphertext itself). `sk_e` is SK_e of the sender (key | salt). `nonce` is 12 octets of caller
// memory.
crypto::AeadLane open_lane(const SkView& sk, crypto::Bytes sk_e, std::uint8_t* nonce,
                           std::uint8_t* plaintext);

// Strips padding: plaintext -> inner payload octets. bad_padding when Pad Length is too large.
ParseError strip_padding(crypto::Bytes plaintext, crypto::Bytes& inner);

// Any suite, one message: checks the ICV before decrypting, in constant time. False = wrong ICV.
// `plaintext` needs sk.ciphertext.size() octets.
[[nodiscard]] bool open_sk(crypto::Engine& engine, const Suite& suite, crypto::Bytes sk_e,
                           crypto::Bytes sk_a, const SkView& sk, std::uint8_t* plaintext);

// Where the IV stands in messages of SkBuilder, which put nothing before SK or SKF.
constexpr std::size_t iv_at(bool is_fragment) { return kHeaderLen + (is_fragment ? 8u : 4u); }

// Building. begin(): header and SK generic header go to `buffer`, room for the IV is left, and the
// inner payloads are written through chain(). finish(): pads, patches lengths, leaves room for the
// ICV. Then protect with seal_lane() in a batch (AEAD) or seal_sk() (any suite).
class SkBuilder {
 public:
  // Which fragment of how many (RFC 7383 §2.5); number 0 makes a plain SK.
  struct Fragment {
    std::uint16_t number = 0;
    std::uint16_t total = 0;
  };
  SkBuilder(crypto::MutBytes buffer, const Header& header, const Suite& suite)
      : SkBuilder(buffer, header, suite, Fragment{}) {}
  // Inline, so that the header is made in its place: a copy of what was just written field by field
  // waits for all stores before it.
  SkBuilder(crypto::MutBytes buffer, const Header& header, const Suite& suite, Fragment fragment)
      : writer_(buffer), chain_(writer_), header_(header), suite_(suite), fragment_(fragment) {
    static_cast<void>(writer_.reserve(iv_at(fragment.number != 0) + iv_len(suite)));
  }
  SkBuilder(const SkBuilder&) = delete;  // chain_ refers to writer_.
  SkBuilder& operator=(const SkBuilder&) = delete;
  ChainBuilder& chain() { return chain_; }
  // In place of chain(): octets of a finished chain that begins with `first`, or a piece of one.
  void inner(PayloadType first, crypto::Bytes octets);
  // Total message length, or 0 when it does not fit. `iv` has iv_len(suite) octets.
  [[nodiscard]] std::size_t finish(crypto::Bytes iv);

 private:
  crypto::ByteWriter writer_;
  ChainBuilder chain_;
  Header header_;
  Suite suite_;
  Fragment fragment_;
  PayloadType first_inner_ = PayloadType::none;
};

// For a message finished by SkBuilder: lane that encrypts in place.
crypto::AeadLane seal_lane(crypto::MutBytes message, crypto::Bytes sk_e, std::uint8_t* nonce);
void seal_sk(crypto::Engine& engine, const Suite& suite, crypto::Bytes sk_e, crypto::Bytes sk_a,
             crypto::MutBytes message);

}  // namespace ike

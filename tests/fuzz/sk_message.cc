// Fuzzes the search for SK and the stripping of padding: first octet = suite, rest = message.
#include <array>
#include <vector>

#include "ike/payload.h"
#include "ike/sk_payload.h"
#include "tests/fuzz/inside.h"

namespace {

const std::array kSuites = {
    ike::Suite{},
    ike::Suite{ike::EncrId::aes_cbc, 256, ike::PrfId::hmac_sha2_256,
               ike::IntegId::hmac_sha2_256_128},
    ike::Suite{ike::EncrId::aes_cbc, 128, ike::PrfId::hmac_sha2_512,
               ike::IntegId::hmac_sha2_512_256},
};

// The same inner payloads in a message of our own are found again.
void check_round_trip(const ike::Header& header, const ike::Suite& suite, const ike::SkView& sk,
                      crypto::Bytes inner, std::size_t len) {
  std::vector<std::uint8_t> buffer(len + 64);
  ike::SkBuilder builder(buffer, header, suite);
  ike::PayloadChain chain(sk.first_inner, inner);
  ike::Payload p;
  while (chain.next(p)) builder.chain().payload(p.type, p.body);
  if (chain.error() != ike::ParseError::none) return;
  const std::size_t written = builder.finish(sk.iv);
  CHECK(written != 0);
  const crypto::Bytes message = crypto::Bytes(buffer).first(written);
  ike::Header again_header;
  ike::SkView again;
  CHECK(ike::parse_header(message, again_header) == ike::ParseError::none);
  CHECK(ike::find_sk(message, again_header, suite, again) == ike::ParseError::none);
  crypto::Bytes again_inner;
  CHECK(ike::strip_padding(again.ciphertext, again_inner) == ike::ParseError::none);
  CHECK(again_inner.size() <= inner.size());
  fuzz::check_same(again.iv, sk.iv);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* octets, std::size_t len) {
  const fuzz::Input input(octets, len);
  const ike::Suite& suite = kSuites[input.choice % kSuites.size()];
  ike::Header header;
  if (ike::parse_header(input.rest, header) != ike::ParseError::none) return 0;
  ike::SkView sk;
  if (ike::find_sk(input.rest, header, suite, sk) != ike::ParseError::none) return 0;
  // AAD, IV, text and ICV are the message, without a gap.
  CHECK(sk.aad.data() == input.rest.data());
  CHECK(sk.iv.data() == sk.aad.data() + sk.aad.size());
  CHECK(sk.ciphertext.data() == sk.iv.data() + sk.iv.size());
  CHECK(sk.icv.data() == sk.ciphertext.data() + sk.ciphertext.size());
  CHECK(sk.icv.data() + sk.icv.size() == input.rest.data() + input.rest.size());
  CHECK(sk.iv.size() == ike::iv_len(suite) && sk.icv.size() == ike::icv_len(suite));
  CHECK(!sk.ciphertext.empty());
  CHECK(sk.fragment_number >= 1 && sk.fragment_number <= sk.fragment_total);

  crypto::Bytes inner;
  if (ike::strip_padding(sk.ciphertext, inner) != ike::ParseError::none) return 0;
  fuzz::check_inside(inner, sk.ciphertext);
  CHECK(inner.size() < sk.ciphertext.size());
  check_round_trip(header, suite, sk, inner, len);
  return 0;
}

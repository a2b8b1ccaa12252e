// Fuzzes the payload chain walk: first octet = type of the first payload, rest = chain.
#include <vector>

#include "ike/builder.h"
#include "ike/payload.h"
#include "tests/fuzz/inside.h"

namespace {

void check_views(const ike::Payload& p, crypto::Bytes chain) {
  fuzz::check_inside(p.whole, chain);
  fuzz::check_inside(p.body, p.whole);
  CHECK(p.whole.size() == p.body.size() + 4);
  CHECK(ike::is_known(p.type));
  ike::NotifyView notify;
  if (ike::parse_notify(p.body, notify) == ike::ParseError::none) {
    fuzz::check_inside(notify.spi, p.body);
    fuzz::check_inside(notify.data, p.body);
    CHECK(4 + notify.spi.size() + notify.data.size() == p.body.size());
  }
  ike::IdView id;
  if (ike::parse_id(p.body, id) == ike::ParseError::none) fuzz::check_same(id.body, p.body);
  ike::AuthView auth;
  if (ike::parse_auth(p.body, auth) == ike::ParseError::none) fuzz::check_inside(auth.data, p.body);
}

// A chain of the same payloads, written anew, is read as the same payloads.
void check_round_trip(const std::vector<ike::Payload>& payloads, std::size_t chain_len) {
  std::vector<std::uint8_t> buffer(chain_len);
  crypto::ByteWriter writer(buffer);
  ike::ChainBuilder builder(writer);
  for (const ike::Payload& p : payloads) builder.payload(p.type, p.body);
  CHECK(writer.ok());
  ike::PayloadChain chain(builder.first_type(), writer.written());
  ike::Payload p;
  for (const ike::Payload& expected : payloads) {
    CHECK(chain.next(p));
    CHECK(p.type == expected.type);
    fuzz::check_same(p.body, expected.body);
  }
  CHECK(!chain.next(p) && chain.error() == ike::ParseError::none);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* octets, std::size_t len) {
  const fuzz::Input input(octets, len);
  ike::PayloadChain chain(static_cast<ike::PayloadType>(input.choice), input.rest);
  std::vector<ike::Payload> payloads;
  ike::Payload p;
  while (chain.next(p)) {
    check_views(p, input.rest);
    // Progress: every payload lies behind the one before.
    if (!payloads.empty())
      CHECK(p.whole.data() >= payloads.back().whole.data() + payloads.back().whole.size());
    payloads.push_back(p);
    CHECK(payloads.size() <= ike::kPayloadsMax);
  }
  CHECK(!chain.next(p));
  if (chain.error() == ike::ParseError::critical_unknown) {
    CHECK(!ike::is_known(chain.offending_type()));
  } else if (chain.error() == ike::ParseError::none) {
    check_round_trip(payloads, input.rest.size());
  }
  return 0;
}

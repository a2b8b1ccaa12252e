// Messages for tests: payload chains with every octet under control, and the engines to test with.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "crypto/engine.h"
#include "ike/header.h"
#include "tests/support/hex.h"

namespace ike {

using support::from_hex;
using support::Octets;
using support::to_hex;

// A payload as it shall stand on the wire. `length` overrides the true Payload Length.
struct RawPayload {
  unsigned type = 0;
  Octets body;
  bool critical = false;
  int length = -1;
  std::uint8_t reserved = 0;
};

inline RawPayload raw(PayloadType type, Octets body = {}) {
  return {static_cast<unsigned>(type), std::move(body)};
}

inline RawPayload notify(Notify type, const Octets& data = {}, const Octets& spi = {}) {
  Octets body = {0, static_cast<std::uint8_t>(spi.size()),
                 static_cast<std::uint8_t>(static_cast<unsigned>(type) >> 8),
                 static_cast<std::uint8_t>(type)};
  body.insert(body.end(), spi.begin(), spi.end());
  body.insert(body.end(), data.begin(), data.end());
  return raw(PayloadType::notify, body);
}

inline Octets chain_of(const std::vector<RawPayload>& payloads) {
  Octets out;
  for (std::size_t i = 0; i < payloads.size(); ++i) {
    const RawPayload& p = payloads[i];
    const std::size_t len = p.length < 0 ? p.body.size() + 4 : static_cast<std::size_t>(p.length);
    out.push_back(i + 1 < payloads.size() ? static_cast<std::uint8_t>(payloads[i + 1].type) : 0);
    out.push_back(static_cast<std::uint8_t>((p.critical ? 0x80 : 0) | p.reserved));
    out.push_back(static_cast<std::uint8_t>(len >> 8));
    out.push_back(static_cast<std::uint8_t>(len));
    out.insert(out.end(), p.body.begin(), p.body.end());
  }
  return out;
}

inline PayloadType first_of(const std::vector<RawPayload>& payloads) {
  return payloads.empty() ? PayloadType::none : static_cast<PayloadType>(payloads[0].type);
}

inline Octets message_of(Header header, const std::vector<RawPayload>& payloads) {
  const Octets chain = chain_of(payloads);
  header.next_payload = first_of(payloads);
  header.length = static_cast<std::uint32_t>(kHeaderLen + chain.size());
  Octets out(kHeaderLen);
  write_header(header, out.data());
  out.insert(out.end(), chain.begin(), chain.end());
  return out;
}

inline Octets filled(std::size_t len, std::uint8_t value) { return Octets(len, value); }

// The reference engine, and the fast one where the processor has what it needs.
inline std::vector<std::unique_ptr<crypto::Engine>> engines() {
  std::vector<std::unique_ptr<crypto::Engine>> out;
  out.push_back(crypto::make_ossl_engine());
  if (auto mb = crypto::make_mb_engine()) out.push_back(std::move(mb));
  return out;
}

// True when `part` lies inside `whole`; an empty part lies anywhere.
inline bool lies_in(crypto::Bytes part, crypto::Bytes whole) {
  return part.empty() ||
         (part.data() >= whole.data() && part.data() + part.size() <= whole.data() + whole.size());
}

}  // namespace ike

// What every parser fuzzer asserts of a view: it lies inside the octets that were parsed.
#pragma once

#include <algorithm>

#include "crypto/base/bytes.h"
#include "crypto/base/error.h"

namespace fuzz {

// An empty view may point anywhere.
inline void check_inside(crypto::Bytes view, crypto::Bytes whole) {
  if (view.empty()) return;
  CHECK(view.data() >= whole.data());
  CHECK(view.data() + view.size() <= whole.data() + whole.size());
}

inline void check_same(crypto::Bytes a, crypto::Bytes b) { CHECK(std::ranges::equal(a, b)); }

// The first octet of an input chooses, the rest is parsed.
struct Input {
  Input(const std::uint8_t* octets, std::size_t len)
      : choice(len == 0 ? std::uint8_t{0} : octets[0]),
        rest(len == 0 ? crypto::Bytes() : crypto::Bytes(octets + 1, len - 1)) {}
  std::uint8_t choice;
  crypto::Bytes rest;
};

}  // namespace fuzz

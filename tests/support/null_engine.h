// NullEngine: no cryptography at all. Text passes unchanged, every tag is good, a MAC is a
// checksum.
//
// Fuzzers and pipeline tests inject it where an Engine is wanted, so that a mutated message gets
// past the tag check to the parser behind it. Product code cannot reach it: it lives in tests/.
#pragma once

#include "crypto/engine.h"

namespace crypto {

class NullEngine final : public Engine {
 public:
  const char* name() const override { return "null"; }

  void expand(Aead, std::span<const ExpandLane>) override {}
  void open(Aead alg, std::span<AeadLane> lanes) override;  // ok for every lane
  void seal(Aead alg, std::span<AeadLane> lanes) override;  // the tag is all zeroes

  // A MAC depends on every octet of key and message; equal inputs give equal outputs.
  void prepare(Prf alg, std::span<const PrfKeyLane> lanes) override;
  void mac(Prf alg, std::span<const MacLane> lanes) override;
  void sha1(std::span<const Sha1Lane> lanes) override;

  void cbc_encrypt(Bytes key, const std::uint8_t* iv, Bytes in, std::uint8_t* out) override;
  void cbc_decrypt(Bytes key, const std::uint8_t* iv, Bytes in, std::uint8_t* out) override;
};

}  // namespace crypto

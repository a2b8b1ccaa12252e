// The engine that does nothing, for fuzzers and pipeline tests.
#include "tests/support/null_engine.h"

#include <cstring>

namespace crypto {
namespace {

// FNV-1a: every octet counts, and a fuzzer can get past it.
std::uint64_t checksum(std::uint64_t start, Bytes message) {
  std::uint64_t sum = start;
  for (const std::uint8_t octet : message) sum = (sum ^ octet) * 0x100000001b3;
  return sum;
}

void spread(std::uint64_t sum, MutBytes out) {
  for (std::size_t i = 0; i < out.size(); ++i) {
    if (i % 8 == 0) sum = sum * 0x9e3779b97f4a7c15 + 1;
    out[i] = static_cast<std::uint8_t>(sum >> (8 * (i % 8)));
  }
}

void copy(Bytes in, std::uint8_t* out) {
  if (!in.empty() && in.data() != out) std::memmove(out, in.data(), in.size());
}

}  // namespace

void NullEngine::open(Aead, std::span<AeadLane> lanes) {
  for (AeadLane& lane : lanes) {
    copy({lane.in, lane.len}, lane.out);
    lane.ok = true;
  }
}

void NullEngine::seal(Aead, std::span<AeadLane> lanes) {
  for (AeadLane& lane : lanes) {
    copy({lane.in, lane.len}, lane.out);
    std::memset(lane.tag, 0, kAeadTagLen);
    lane.ok = true;
  }
}

void NullEngine::prepare(Prf, std::span<const PrfKeyLane> lanes) {
  for (const PrfKeyLane& lane : lanes) store_be64(lane.out->storage(), checksum(1, lane.key));
}

void NullEngine::mac(Prf alg, std::span<const MacLane> lanes) {
  for (const MacLane& lane : lanes)
    spread(checksum(load_be64(lane.key->storage()), lane.message), {lane.out, prf_len(alg)});
}

void NullEngine::sha1(std::span<const Sha1Lane> lanes) {
  for (const Sha1Lane& lane : lanes) spread(checksum(2, lane.message), {lane.out, 20});
}

void NullEngine::cbc_encrypt(Bytes, const std::uint8_t*, Bytes in, std::uint8_t* out) {
  copy(in, out);
}

void NullEngine::cbc_decrypt(Bytes, const std::uint8_t*, Bytes in, std::uint8_t* out) {
  copy(in, out);
}

}  // namespace crypto

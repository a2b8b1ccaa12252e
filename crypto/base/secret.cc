// Wiping and constant-time comparison.
#include "crypto/base/secret.h"

namespace crypto {

void secure_zero(void* p, std::size_t len) {
  if (len == 0) return;
  std::memset(p, 0, len);
  // The barrier makes the compiler believe that the zeroes are read.
  asm volatile("" : : "r"(p) : "memory");
}

bool ct_equal(Bytes a, Bytes b) {
  if (a.size() != b.size()) return false;
  std::uint64_t difference = 0;
  std::size_t i = 0;
  for (; i + 8 <= a.size(); i += 8) {
    std::uint64_t word_a, word_b;
    std::memcpy(&word_a, a.data() + i, 8);
    std::memcpy(&word_b, b.data() + i, 8);
    difference |= word_a ^ word_b;
  }
  for (; i < a.size(); ++i) difference |= static_cast<std::uint64_t>(a[i] ^ b[i]);
  asm volatile("" : "+r"(difference));
  return difference == 0;
}

}  // namespace crypto

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
  unsigned difference = 0;
  for (std::size_t i = 0; i < a.size(); ++i) difference |= static_cast<unsigned>(a[i] ^ b[i]);
  asm volatile("" : "+r"(difference));
  return difference == 0;
}

}  // namespace crypto

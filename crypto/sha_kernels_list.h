// The kernels that need a processor feature. crypto/sha_kernels.cc alone calls these, after asking.
#pragma once

#include "crypto/sha_kernels.h"

namespace crypto {

HmacKernel sha_ni_hmac();                // HMAC-SHA-256; SHA-NI and SSE4.1
HmacKernel sha512_avx2_hmac(Prf alg);    // HMAC-SHA-384 and -512; AVX2
HmacKernel sha512_avx512_hmac(Prf alg);  // HMAC-SHA-384 and -512; AVX-512 F and BW

}  // namespace crypto

// Owner of an OpenSSL object: frees it with the function that belongs to it. For crypto/ossl_*.cc;
// names no type of OpenSSL itself.
#pragma once

#include <memory>

namespace crypto {

template <auto Free>
struct OsslFree {
  template <class T>
  void operator()(T* object) const {
    Free(object);
  }
};

template <class T, auto Free>
using OsslHandle = std::unique_ptr<T, OsslFree<Free>>;

}  // namespace crypto

// Wiping of expanded keys, whichever engine filled them.
#include "crypto/engine.h"

#include "crypto/base/secret.h"

namespace crypto {

ExpandedKey::~ExpandedKey() { secure_zero(storage_, kStorageLen); }
PrfKey::~PrfKey() { secure_zero(storage_, kStorageLen); }

}  // namespace crypto

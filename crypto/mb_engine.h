// The IPsec-MB engine as on a processor without SHA-NI, so that tests reach that path everywhere.
#pragma once

#include <memory>

#include "crypto/engine.h"

namespace crypto {

// Null when the processor lacks what IPsec-MB needs. Serves no packets.
std::unique_ptr<Engine> make_mb_engine_without_sha_ni();

}  // namespace crypto

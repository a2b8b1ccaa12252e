// The cryptographic forms of ESP: nonces, additional data and ICVs of RFC 4303, RFC 4106, RFC 7634
// and RFC 3602/4868, over the lanes of a burst.
#pragma once

#include "crypto/random.h"
#include "dataplane/esp_key_cache.h"
#include "dataplane/esp_trip.h"

namespace dp {

using EspTexts = std::array<EspText, kBurstMax>;

// Decrypts in place; the lanes whose ICV is right. The text of the others is not looked at again.
LaneSet open_esp_texts(const EspTexts& texts, LaneSet in, crypto::Engine& engine,
                       EspKeyCache& keys);
// Writes IV and ICV and encrypts in place.
void seal_esp_texts(const EspTexts& texts, LaneSet in, crypto::Engine& engine, EspKeyCache& keys,
                    crypto::Random& random);

}  // namespace dp

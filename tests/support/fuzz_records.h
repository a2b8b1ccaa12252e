// Inputs of fuzz targets that are a sequence of records: kind(1) | length(2) | octets.
#pragma once

#include <algorithm>
#include <cstdint>

#include "crypto/base/bytes.h"

namespace rig {

// take(kind, octets) for each record, in order; a length beyond the end takes what is there.
template <class Take>
void for_each_record(crypto::Bytes input, Take take) {
  crypto::ByteReader reader(input);
  std::uint8_t kind = 0;
  std::uint16_t record_len = 0;
  while (reader.u8(kind) && reader.be16(record_len)) {
    crypto::Bytes record;
    if (!reader.take(std::min<std::size_t>(record_len, reader.remaining()), record)) break;
    take(kind, record);
  }
}

}  // namespace rig

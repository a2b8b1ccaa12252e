// Revocations: what an operator refused at run time, kept in a file of the state directory, so that
// a restart forgets none of it. Together with the configuration's deny lists it makes what workers
// see (RFC 5723 §9.8).
//
// The file is text, one refusal a line: "identity HEX", "issuer HEX", "generation N". Control
// thread only.
#pragma once

#include <cstdint>
#include <string>

#include "crypto/base/bytes.h"
#include "crypto/base/error.h"
#include "dataplane/api/handoff.h"
#include "ike/ids.h"

namespace cp {

class Revocations {
 public:
  // A missing file is an empty one. Errors name file and line.
  static crypto::Result<Revocations> load(std::string path);

  // Each writes the file before it returns; on an error nothing has changed.
  crypto::Status add_identity(crypto::Bytes id_body);
  crypto::Status add_issuer(ike::IssuerId issuer);
  // Tickets of a smaller policy generation are refused. Never goes down.
  crypto::Status raise_generation(std::uint32_t generation);

  // The deny lists of the configuration and what is kept here.
  dp::DenyList merged(const dp::DenyList& configured) const;
  const dp::DenyList& own() const { return own_; }

 private:
  explicit Revocations(std::string path) : path_(std::move(path)) {}
  crypto::Status save(const dp::DenyList& wanted);

  std::string path_;
  dp::DenyList own_;
};

}  // namespace cp

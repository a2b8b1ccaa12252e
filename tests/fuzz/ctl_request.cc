// Fuzz target: a line of the control socket. What is accepted says what its verb needs; what is
// refused is refused with a reason that is one line of an answer.
#include <cstdint>
#include <string_view>

#include "controlplane/ctl_reply.h"
#include "controlplane/ctl_request.h"
#include "crypto/base/error.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* octets, std::size_t len) {
  const auto* chars = static_cast<const char*>(static_cast<const void*>(octets));
  const auto request = cp::parse_ctl_request({chars, len});
  if (!request) {
    const std::string line = cp::ctl_error(request.error().text);
    CHECK(!request.error().text.empty() && line.find('\n') == line.size() - 1);
    return 0;
  }
  CHECK(len <= cp::kCtlRequestMax && request->verb < cp::CtlVerb::count);
  if (request->verb == cp::CtlVerb::terminate) CHECK(!request->selection.says_nothing());
  using Kind = cp::CtlRevocation::Kind;
  if (request->verb == cp::CtlVerb::revoke) {
    CHECK(request->revocation.kind != Kind::identity || request->revocation.identity.size() > 4);
    CHECK(request->revocation.kind != Kind::ticket || request->revocation.serial.value() != 0);
  }
  return 0;
}

// CtlRequest: one line that a client of the control socket sends, a JSON object.
//
//   {"verb": "list-sas"}                                  also list-conns, list-pools, stats,
//                                                         counters, rotate-keys, reload, log
//   {"verb": "list-sas", "connection": "staff", "identity": "*@example.org"}
//   {"verb": "list-sas", "address": "10.0.0.7", "limit": 10}
//   {"verb": "terminate", "ike": "00f1e2d3c4b5a697"}      or connection, identity, address, remote,
//                                                         worker; see CtlSelection
//   {"verb": "revoke", "identity": "alice@example.org"}   or "issuer": 16 hexadecimal digits,
//                                                         "ticket": issuer:serial, "generation": 7
//
// Pure: no socket, any thread. A fuzz target: any octets are allowed.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "controlplane/ctl_verbs.h"
#include "crypto/base/error.h"

namespace cp {

enum class CtlVerb : std::uint8_t {
  list_sas,
  list_conns,
  list_pools,
  stats,
  counters,
  terminate,
  rotate_keys,
  revoke,
  reload,
  log,
  count,
};
const char* ctl_verb_name(CtlVerb verb);
// Those that change something are logged with who asked.
constexpr bool changes_something(CtlVerb verb) {
  return verb == CtlVerb::terminate || verb == CtlVerb::rotate_keys || verb == CtlVerb::revoke ||
         verb == CtlVerb::reload;
}

inline constexpr std::size_t kCtlRequestMax = 4096;  // octets of a line, its end not counted

struct CtlRequest {
  CtlVerb verb = CtlVerb::stats;
  CtlSelection selection;    // of list_sas and terminate
  std::uint32_t limit = 0;   // of list_sas; 0 = none
  CtlRevocation revocation;  // of revoke
};

// Errors say what was expected and quote at most the name of a member.
crypto::Result<CtlRequest> parse_ctl_request(std::string_view line);

}  // namespace cp

// Rekey times and ends.
#include "controlplane/lifetimes.h"

#include <algorithm>

namespace cp {
namespace {

constexpr std::uint64_t kNever = ExchangeWindow::kNever;

std::uint64_t after_s(std::uint64_t seconds, const Plane& plane) {
  return seconds == 0 ? kNever : plane.now.ms + seconds * 1000;
}

// SAs that came up together shall not rekey together, and the two sides of one SA seldom at once.
std::uint64_t spread_after_s(std::uint32_t seconds, Plane& plane) {
  if (seconds == 0) return kNever;
  const std::uint64_t ms = std::uint64_t{seconds} * 1000;
  return plane.now.ms + ms - plane.random.below(ms / 10 + 1);
}

}  // namespace

void set_lifetimes(IkeSa& sa, const Connection& connection, Plane& plane) {
  sa.rekey_at_ms = spread_after_s(connection.rekey_time_s, plane);
  sa.ends_at_ms =
      connection.rekey_time_s == 0
          ? kNever
          : after_s(std::uint64_t{connection.rekey_time_s} + connection.over_time_s, plane);
  if (connection.reauth_time_s == 0) return;
  // Only the client can authenticate again (RFC 4478); without it the SA ends.
  const std::uint64_t age_s =
      plane.now.unix_s > sa.full_auth_s ? plane.now.unix_s - sa.full_auth_s : 0;
  const std::uint64_t limit_s = std::uint64_t{connection.reauth_time_s} + connection.over_time_s;
  const std::uint64_t left_s = limit_s > age_s ? limit_s - age_s : 0;
  sa.ends_at_ms = std::min(sa.ends_at_ms, plane.now.ms + left_s * 1000);
}

void set_lifetimes(ChildSa& child, const Connection& connection, Plane& plane) {
  child.installed_ms = plane.now.ms;
  child.rekey_at_ms = spread_after_s(connection.child_rekey_time_s, plane);
  child.ends_at_ms = after_s(connection.child_life_time_s, plane);
}

}  // namespace cp

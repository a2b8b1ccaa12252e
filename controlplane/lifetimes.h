// How long IKE SAs and Child SAs live, from the policy of their connection.
#pragma once

#include "controlplane/plane.h"

namespace cp {

// From now on: rekey_at and ends_at. Rekeys are spread over a tenth of their time.
void set_lifetimes(IkeSa& sa, const Connection& connection, Plane& plane);
void set_lifetimes(ChildSa& child, const Connection& connection, Plane& plane);

}  // namespace cp

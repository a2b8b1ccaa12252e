// Tells a service manager what state we are in: the datagrams of sd_notify(3), without its library.
#pragma once

#include <string_view>

#include "crypto/base/error.h"

namespace gateway {

// Sends `state`, e.g. "READY=1", to the socket in $NOTIFY_SOCKET. Without one there is nobody to
// tell, which is no error.
crypto::Status notify_service(std::string_view state);

}  // namespace gateway

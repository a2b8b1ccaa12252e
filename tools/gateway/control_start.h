// Brings up full IKEv2: what it needs from files, and the engines and sockets that it uses.
#pragma once

#include <memory>

#include "controlplane/control_plane.h"

namespace gateway {

// Errors, for the operator: credentials that cannot be loaded, all of them; the QCD secret; RADIUS
// secrets and sockets. What is passed by reference outlives the control plane.
crypto::Result<std::unique_ptr<cp::ControlPlane>> start_control_plane(
    const cp::GatewayConfig& config, cp::Workers& workers, cp::TicketKeys& keys,
    crypto::Random& random, spdlog::logger& log);

// state_dir/qcd.secret; the workers answer with the same tokens (RFC 6290 §5.1).
crypto::Result<crypto::SecretBytes> load_qcd_secret(const cp::GatewayConfig& config);

}  // namespace gateway

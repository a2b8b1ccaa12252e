// Letters that held keys or names are wiped.
#include "dataplane/api/seam.h"

namespace dp {
namespace {

void wipe_names(ResumedSa& sa) {
  crypto::secure_zero(crypto::MutBytes(sa.id_i).first(sa.id_i_len));
  crypto::secure_zero(crypto::MutBytes(sa.id_r).first(sa.id_r_len));
  crypto::secure_zero(crypto::MutBytes(sa.eap_identity).first(sa.eap_identity_len));
  sa.id_i_len = sa.id_r_len = sa.eap_identity_len = 0;
}

}  // namespace

void wipe(Punt& letter) {
  if (letter.kind != PuntKind::adopted) return;
  AdoptedSa& sa = letter.sa;
  wipe_names(sa);
  crypto::secure_zero(crypto::MutBytes(sa.keys).first(sa.keys_len));
  crypto::secure_zero(crypto::MutBytes(sa.response).first(sa.response_len));
  sa.keys_len = sa.response_len = 0;
}

void wipe(Report& letter) {
  for (std::uint32_t i = 0; i < letter.sas_count; ++i) wipe_names(letter.sas[i]);
  letter.sas_count = letter.children_count = 0;
}

void wipe(Order& letter) {
  if (letter.kind == OrderKind::install_child) crypto::secure_zero(letter.child.keymat);
}

}  // namespace dp

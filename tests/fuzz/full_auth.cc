// Fuzzes both parsers of a full IKE_AUTH: first octet = type of the first payload, rest = chain.
#include "ike/full_auth.h"

#include <vector>

#include "ike/eap.h"
#include "tests/fuzz/inside.h"

namespace {

void check_extras(const ike::AuthExtras& extras, crypto::Bytes whole) {
  CHECK(extras.cert_count <= ike::kCertsMax);
  CHECK(extras.cert_request_count <= ike::kCertRequestsMax);
  CHECK(extras.additional_ip4_count <= ike::kAdditionalAddressesMax);
  CHECK(extras.additional_ip6_count <= ike::kAdditionalAddressesMax);
  for (std::size_t i = 0; i < extras.cert_count; ++i) {
    fuzz::check_inside(extras.certs[i].data, whole);
    CHECK(!extras.certs[i].data.empty());
  }
  for (std::size_t i = 0; i < extras.cert_request_count; ++i)
    fuzz::check_inside(extras.cert_requests[i].data, whole);
  fuzz::check_inside(extras.eap, whole);
  fuzz::check_inside(extras.qcd_token, whole);
  ike::EapView eap;
  if (extras.has_eap) CHECK(ike::parse_eap(extras.eap, eap) == ike::ParseError::none);
}

// What was read of a request is written as an offer, without the parts that are read one way only.
void check_round_trip(const ike::FullAuthRequest& request, std::size_t len) {
  ike::FullAuthOffer offer;
  offer.id_i_body = request.id_i.body;
  offer.id_r_body = request.id_r.body;
  offer.certs = std::span(request.certs).first(request.cert_count);
  offer.auth_method = request.auth.method;
  offer.auth = request.auth.data;
  offer.eap = request.eap;
  offer.additional_addresses = &request;
  offer.qcd_token = request.qcd_token;
  offer.mobike_supported = request.mobike_supported;
  offer.eap_only = request.eap_only;
  std::vector<std::uint8_t> buffer(len + 16);
  crypto::ByteWriter writer(buffer);
  ike::ChainBuilder chain(writer);
  ike::write_full_auth_offer(chain, offer);
  CHECK(writer.ok());
  ike::FullAuthRequest again;
  ike::PayloadType offending = ike::PayloadType::none;
  CHECK(ike::parse_full_auth_request(chain.first_type(), writer.written(), again, offending) ==
        ike::ParseError::none);
  fuzz::check_same(again.id_i.body, request.id_i.body);
  fuzz::check_same(again.auth.data, request.auth.data);
  fuzz::check_same(again.eap, request.eap);
  fuzz::check_same(again.qcd_token, request.qcd_token);
  CHECK(again.cert_count == request.cert_count);
  for (std::size_t i = 0; i < request.cert_count; ++i)
    fuzz::check_same(again.certs[i].data, request.certs[i].data);
  CHECK(again.additional_ip4_count == request.additional_ip4_count);
  CHECK(again.additional_ip6_count == request.additional_ip6_count);
  CHECK(again.eap_only == request.eap_only);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* octets, std::size_t len) {
  const fuzz::Input input(octets, len);
  const auto first = static_cast<ike::PayloadType>(input.choice);
  ike::FullAuthRequest request;
  ike::PayloadType offending = ike::PayloadType::none;
  if (ike::parse_full_auth_request(first, input.rest, request, offending) ==
      ike::ParseError::none) {
    check_extras(request, input.rest);
    fuzz::check_inside(request.ppk_identity, input.rest);
    fuzz::check_inside(request.no_ppk_auth, input.rest);
    check_round_trip(request, len);
  }
  ike::FullAuthAnswer answer;
  if (ike::parse_full_auth_answer(first, input.rest, answer) == ike::ParseError::none) {
    check_extras(answer, input.rest);
    fuzz::check_inside(answer.ticket, input.rest);
    if (answer.error != 0) CHECK(ike::is_error(answer.error));
  }
  return 0;
}

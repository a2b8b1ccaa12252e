// Tests of IKE_INTERMEDIATE and IKE_FOLLOWUP_KE: their payloads, IntAuth, and the keys that come of
// additional key exchanges, against an independent computation.
#include "ike/intermediate.h"

#include <gtest/gtest.h>

#include "crypto/prf_plus.h"
#include "ike/auth_octets.h"
#include "ike/key_schedule.h"
#include "tests/ike/messages.h"
#include "tests/support/vectors.h"

namespace ike {
namespace {

using support::hex_at;
using support::text_at;

IkeSpi spi_at(const nlohmann::json& object, const char* key) {
  return IkeSpi(crypto::load_be64(hex_at(object, key).data()));
}

Suite suite_of(const nlohmann::json& v) {
  return {EncrId::aes_gcm_16, 256, static_cast<PrfId>(v.at("prf_transform_id").get<int>())};
}

template <class Test>
void for_each_vector(Test test) {
  const auto file = support::load_vectors("additional-kes.json");
  ASSERT_EQ(file.at("vectors").size(), 3u);
  for (const auto& v : file.at("vectors"))
    for (const auto& engine : engines()) test(v, *engine);
}

Octets int_auth_of(const nlohmann::json& exchange, const std::string& who, const Suite& suite,
                   const Octets& sk_p, const Octets& previous, crypto::Engine& engine) {
  const Octets message = hex_at(exchange, ("message_" + who).c_str());
  const Octets inner = hex_at(exchange, ("inner_" + who).c_str());
  Header header;
  EXPECT_EQ(parse_header(message, header), ParseError::none);
  IntAuthInput input{
      .previous = previous,
      .head = {},
      .first_inner = static_cast<PayloadType>(exchange.at("first_" + who).get<int>()),
      .inner = inner};
  EXPECT_TRUE(read_int_auth_head(message, header, input));
  Octets octets(int_auth_octets_len(input));
  EXPECT_EQ(write_int_auth_octets(input, octets), octets.size());
  Octets short_one(octets.size() - 1);
  EXPECT_EQ(write_int_auth_octets(input, short_one), 0u);
  Octets mac(prf_len(suite));
  crypto::prf_once(engine, prf_of(suite.prf), sk_p, octets, mac.data());
  return mac;
}

Octets copy_of(crypto::Bytes octets) { return {octets.begin(), octets.end()}; }

TEST(Intermediate, IntAuthAndKeysFollowTheFormulas) {  // RFC 9242 §3.3.2, RFC 9370 §2.2.2
  for_each_vector([](const nlohmann::json& v, crypto::Engine& engine) {
    const Suite s = suite_of(v);
    const Octets ni = hex_at(v, "ni"), nr = hex_at(v, "nr");
    Octets keymat = hex_at(v, "keymat"), int_auth_i, int_auth_r;
    for (const auto& exchange : v.at("exchanges")) {
      const IkeKeys keys = split_ike_keymat(s, keymat);
      int_auth_i = int_auth_of(exchange, "i", s, copy_of(keys.sk_pi), int_auth_i, engine);
      int_auth_r = int_auth_of(exchange, "r", s, copy_of(keys.sk_pr), int_auth_r, engine);
      EXPECT_EQ(to_hex(int_auth_i), text_at(exchange, "int_auth_i"));
      EXPECT_EQ(to_hex(int_auth_r), text_at(exchange, "int_auth_r"));
      derive_updated_keys(engine, s, keys.sk_d, hex_at(exchange, "shared"), ni, nr,
                          spi_at(v, "spi_i"), spi_at(v, "spi_r"), keymat);
      EXPECT_EQ(to_hex(keymat), text_at(exchange, "keymat"));
    }
    Octets int_auth(kIntAuthMax);
    int_auth.resize(write_int_auth(int_auth_i, int_auth_r, MessageId(3), int_auth));
    EXPECT_EQ(to_hex(int_auth), text_at(v, "int_auth"));
    EXPECT_EQ(write_int_auth(int_auth_i, int_auth_r, MessageId(3),
                             crypto::MutBytes(int_auth).first(int_auth.size() - 1)),
              0u);
  });
}

TEST(Intermediate, KeysAfterFollowupsFollowTheFormulas) {  // RFC 9370 §2.2.4
  for_each_vector([](const nlohmann::json& v, crypto::Engine& engine) {
    const Suite s = suite_of(v);
    const Octets ni = hex_at(v, "ni"), nr = hex_at(v, "nr"), more = hex_at(v, "followup_more"),
                 shared = hex_at(v, "followup_shared");
    const Octets last = hex_at(v.at("exchanges").back(), "keymat");
    const crypto::Bytes sk_d = split_ike_keymat(s, last).sk_d;
    Octets keymat(ike_keymat_len(s)), child(child_keymat_len(s));
    derive_rekeyed_keys(engine, s, sk_d, s, shared, ni, nr, spi_at(v, "new_spi_i"),
                        spi_at(v, "new_spi_r"), keymat, more);
    EXPECT_EQ(to_hex(keymat), text_at(v, "rekeyed_keymat"));
    derive_child_keys_with_ke(engine, s, sk_d, shared, ni, nr, child, more);
    EXPECT_EQ(to_hex(child), text_at(v, "child_keymat"));
  });
}

TEST(Intermediate, TakesTheLongestSecretsOfAll) {
  const auto engine = crypto::make_ossl_engine();
  const Suite s;
  const Octets secret = filled(kSharedSecretMax, 3), nonce = filled(kNonceLenMax, 4),
               more = filled(kAdditionalSecretsMax, 5);
  Octets child(child_keymat_len(s));
  derive_child_keys_with_ke(*engine, s, filled(32, 1), secret, nonce, nonce, child, more);
  EXPECT_NE(to_hex(child), to_hex(Octets(child.size())));
}

Octets ke_body(KeId ke, std::size_t len) {
  Octets body = filled(4 + len, 7);
  crypto::store_be16(body.data(), std::to_underlying(ke));
  return body;
}

ParseError parse(const std::vector<RawPayload>& payloads, KeMessage& out) {
  static Octets kept;
  kept = chain_of(payloads);
  PayloadType offending = PayloadType::none;
  const ParseError e = parse_ke_message(first_of(payloads), kept, out, offending);
  EXPECT_EQ(offending != PayloadType::none, e == ParseError::critical_unknown);
  return e;
}

TEST(KeMessage, ReadsWhatItWrites) {  // RFC 9370 §2.2.2, §2.2.4
  const Octets ke = filled(64, 2), link = filled(8, 3), ticket = filled(40, 4);
  Octets buffer(512);
  crypto::ByteWriter writer(buffer);
  ChainBuilder chain(writer);
  write_ke_message(chain, {.ke = KeId::ecp_256,
                           .ke_data = ke,
                           .link = link,
                           .ticket = ticket,
                           .ticket_lifetime_s = 60});
  KeMessage out;
  PayloadType offending = PayloadType::none;
  ASSERT_EQ(parse_ke_message(chain.first_type(), writer.written(), out, offending),
            ParseError::none);
  EXPECT_TRUE(out.has_ke && out.has_link);
  EXPECT_EQ(out.ke, KeId::ecp_256);
  EXPECT_EQ(to_hex(out.ke_data), to_hex(ke));
  EXPECT_EQ(to_hex(out.link), to_hex(link));
  EXPECT_EQ(out.error, 0);
  ASSERT_EQ(parse({}, out), ParseError::none);
  EXPECT_FALSE(out.has_ke || out.has_link);
}

TEST(KeMessage, RefusesWhatIsMalformed) {
  KeMessage out;
  const RawPayload ke = raw(PayloadType::ke, ke_body(KeId::ecp_256, 64));
  const RawPayload link = notify(Notify::additional_key_exchange, filled(8, 1));
  EXPECT_EQ(parse({ke, ke}, out), ParseError::duplicate_payload);
  EXPECT_EQ(parse({ke, link, link}, out), ParseError::duplicate_payload);
  EXPECT_EQ(parse({raw(PayloadType::ke, filled(4, 0))}, out), ParseError::bad_ke);
  EXPECT_EQ(parse({raw(PayloadType::sk, filled(40, 0))}, out), ParseError::bad_sk);
  EXPECT_EQ(parse({notify(Notify::additional_key_exchange, filled(kKeLinkMax, 1))}, out),
            ParseError::none);
  EXPECT_EQ(parse({notify(Notify::additional_key_exchange, filled(kKeLinkMax + 1, 1))}, out),
            ParseError::bad_notify);
  EXPECT_EQ(parse({{.type = 200, .body = {}, .critical = true}}, out),
            ParseError::critical_unknown);
  // What is not known is passed over (RFC 9242 §3.3).
  EXPECT_EQ(parse({{.type = 200, .body = filled(9, 1)}, ke, raw(PayloadType::vendor_id)}, out),
            ParseError::none);
  EXPECT_TRUE(out.has_ke);
  EXPECT_EQ(parse({notify(Notify::state_not_found), notify(Notify::invalid_syntax)}, out),
            ParseError::none);
  EXPECT_EQ(out.error, std::to_underlying(Notify::state_not_found));
}

TEST(KeMessage, RefusesEveryTruncation) {
  const std::vector<RawPayload> payloads = {raw(PayloadType::ke, ke_body(KeId::ecp_256, 64)),
                                            notify(Notify::additional_key_exchange, filled(8, 1))};
  const Octets whole = chain_of(payloads);
  KeMessage out;
  PayloadType offending = PayloadType::none;
  for (std::size_t len = 0; len < whole.size(); ++len)
    EXPECT_NE(parse_ke_message(PayloadType::ke, crypto::Bytes(whole).first(len), out, offending),
              ParseError::none)
        << len;
}

TEST(IntAuthHead, WantsAnEncryptedPayload) {
  Header header{.spi_i = IkeSpi(1)};
  const Octets clear = message_of(header, {notify(Notify::cookie, filled(8, 1))});
  ASSERT_EQ(parse_header(clear, header), ParseError::none);
  IntAuthInput input;
  EXPECT_FALSE(read_int_auth_head(clear, header, input));
  EXPECT_FALSE(read_int_auth_head(crypto::Bytes(clear).first(20), header, input));
  Octets out(100);
  EXPECT_EQ(write_int_auth_octets(input, out), 0u);
}

}  // namespace
}  // namespace ike

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which proxy leads to a URL, if any: as configured, or as the environment
 * says where the configuration asks for that. No network in here.
 *
 * no_proxy and NO_PROXY: a list with commas of "*", addresses, CIDR blocks,
 * "example.com" (and all below it), ".example.com" or "*.example.com" (only
 * what is below), each with a port after ":" if need be. Where such a list
 * may apply, localhost and loopback addresses never take a proxy.
 */
#ifndef SHIPPER_PROXY_H
#define SHIPPER_PROXY_H

struct http_url;
struct proxy_args;
struct proxy_rules;

/*
 * args are copied, the environment is read now. NULL and a text in *why (to be
 * freed) when the environment names something that is no proxy.
 */
struct proxy_rules *proxy_rules_new(const struct proxy_args *args, char **why);
/* NULL is fine. */
void proxy_rules_free(struct proxy_rules *rules);

/* Its URL, lent as long as rules live; NULL: go there directly. */
const char *proxy_rules_choose(
    const struct proxy_rules *rules, const struct http_url *url);

#endif

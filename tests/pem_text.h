/* SPDX-License-Identifier: Apache-2.0 */
/* A certificate that nobody trusts, its key, another key, and that one again
 * with a passphrase. */
#ifndef TESTS_PEM_TEXT_H
#define TESTS_PEM_TEXT_H

#define PEM_CERT                                                               \
	"-----BEGIN CERTIFICATE-----\n"                                        \
	"MIIBczCCARmgAwIBAgIULXxEJIW1eTnpsyArsocnbglyh00wCgYIKoZIzj0EAwIw\n"   \
	"DzENMAsGA1UEAwwEdGVzdDAeFw0yNjExMjcyMDI1NThaFw0zNjExMjQyMDI1NTha\n"   \
	"MA8xDTALBgNVBAMMBHRlc3QwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAAS2+lEI\n"   \
	"LtzqzAr6FCNJjRddBytiZnkSl++PotCIOt+eZael6p5QTI6czMQPNWUvl+NzuALx\n"   \
	"RTl4s0m3Dw/hy5vvo1MwUTAdBgNVHQ4EFgQU/yemb11zbq5mcfpd6rDQG3R8XjUw\n"   \
	"HwYDVR0jBBgwFoAU/yemb11zbq5mcfpd6rDQG3R8XjUwDwYDVR0TAQH/BAUwAwEB\n"   \
	"/zAKBggqhkjOPQQDAgNIADBFAiBlONZ4m3EAkSETzLuzKFjZL43kCAupSU2eaSQc\n"   \
	"scPf4gIhAPZHrJqr6S3puYVfMBG65va3l9rWVfBA1mTNR793ZVrM\n"               \
	"-----END CERTIFICATE-----\n"
#define PEM_KEY                                                                \
	"-----BEGIN PRIVATE KEY-----\n"                                        \
	"MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgjwl6+nZP4CmI0r/y\n"   \
	"RgAmteaLjURdLsz4mMhlONGuBNuhRANCAAS2+lEILtzqzAr6FCNJjRddBytiZnkS\n"   \
	"l++PotCIOt+eZael6p5QTI6czMQPNWUvl+NzuALxRTl4s0m3Dw/hy5vv\n"           \
	"-----END PRIVATE KEY-----\n"
#define PEM_OTHER_KEY                                                          \
	"-----BEGIN PRIVATE KEY-----\n"                                        \
	"MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQglJ757XcctvoE33Fn\n"   \
	"XHg6Ld0a1A1FjebRUDKhKLxha6ihRANCAAQaW0z8w/gen0P2uCyoZI5g1PdcAON0\n"   \
	"RsqtM55+ddJjYOj9f8tVlSNL2JYtohE8dba9dkMr9/MtTC7yiY1FCXks\n"           \
	"-----END PRIVATE KEY-----\n"
#define PEM_LOCKED_KEY                                                         \
	"-----BEGIN ENCRYPTED PRIVATE KEY-----\n"                              \
	"MIHsMFcGCSqGSIb3DQEFDTBKMCkGCSqGSIb3DQEFDDAcBAgeHoUiwRaxwwICCAAw\n"   \
	"DAYIKoZIhvcNAgkFADAdBglghkgBZQMEASoEEPfRVMzQtjeG/qZ13+Bmz9IEgZCS\n"   \
	"OSbaq37MyNrEGWkRv8U+v+ksvAr8u3KU9vmXYwvDLhnB8aKjAoL8FrV6lw0waIQ+\n"   \
	"BuvBarvEbUyW3p806VS3juJ9ucLBnBnWJISrxmmWSGETOfnmqWnXvnt2V7vuxg0t\n"   \
	"rp/+04e4/VdAuuYKp+TC0gEAGrW9lJa+jCh/g0tBRkY+slid447WhpKFo1oMh+g=\n"   \
	"-----END ENCRYPTED PRIVATE KEY-----\n"

#endif

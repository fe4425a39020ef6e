// @ts-nocheck: bundled from JavaScript by `npm run elementary`; do not edit.
/**
 * The elementary functions of stdlib (https://stdlib.io), which are ports of FreeBSD's msun and of Cephes. They use only the operations
 * of IEEE 754 that give the same bits on every host, and no function of `Math` but abs, ceil, floor, round and sqrt.
 *
 * Copyright (c) 2016-2026 The Stdlib Authors. Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file
 * except in compliance with the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0. Unless
 * required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS, WITHOUT
 * WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language governing permissions and
 * limitations under the License. Modified: bundled into one file, without what only old JavaScript engines need.
 *
 * Parts: Copyright (C) 1993, 2004 by Sun Microsystems, Inc. All rights reserved. Developed at SunPro, a Sun Microsystems, Inc. business.
 * Permission to use, copy, modify, and distribute this software is freely granted, provided that this notice is preserved.
 *
 * Parts: Copyright 1984, 1995, 2000 by Stephen L. Moshier. Some software in this archive may be from the book Methods and Programs for
 * Mathematical Functions (Prentice-Hall or Simon & Schuster International, 1989) or from the Cephes Mathematical Library, a commercial
 * product. In either event, it is copyrighted by the author. What you see here may be used freely but it comes with no support or
 * guarantee. Stephen L. Moshier, moshier@na-net.ornl.gov
 */
export interface ElementaryFunctions {
  readonly exp: (x: number) => number;
  readonly log: (x: number) => number;
  readonly log2: (x: number) => number;
  readonly log10: (x: number) => number;
  readonly pow: (x: number, y: number) => number;
  readonly sin: (x: number) => number;
  readonly cos: (x: number) => number;
  readonly tan: (x: number) => number;
  readonly asin: (x: number) => number;
  readonly acos: (x: number) => number;
  readonly atan: (x: number) => number;
}
// \0rolldown/runtime.js
var __create = Object.create;
var __defProp = Object.defineProperty;
var __getOwnPropDesc = Object.getOwnPropertyDescriptor;
var __getOwnPropNames = Object.getOwnPropertyNames;
var __getProtoOf = Object.getPrototypeOf;
var __hasOwnProp = Object.prototype.hasOwnProperty;
var __commonJSMin = (cb, mod) => () => (mod || (cb((mod = { exports: {} }).exports, mod, mod.exports), cb = null), mod.exports);
var __copyProps = (to, from, except, desc) => {
	if (from && typeof from === "object" || typeof from === "function") for (var keys = __getOwnPropNames(from), i = 0, n = keys.length, key; i < n; i++) {
		key = keys[i];
		if (!__hasOwnProp.call(to, key) && key !== except) __defProp(to, key, {
			get: ((k) => from[k]).bind(null, key),
			enumerable: !(desc = __getOwnPropDesc(from, key)) || desc.enumerable
		});
	}
	return to;
};
var __toESM = (mod, isNodeMode, target) => (target = mod != null ? __create(__getProtoOf(mod)) : {}, __copyProps(isNodeMode || !mod || !mod.__esModule || !__hasOwnProp.call(mod, "default") ? __defProp(target, "default", {
	value: mod,
	enumerable: true
}) : target, mod));
// node_modules/@stdlib/math-base-assert-is-nan/lib/main.js
var require_main$40 = __commonJSMin(((exports, module) => {
	function isnan(x) {
		return x !== x;
	}
	module.exports = isnan;
}));
// node_modules/@stdlib/math-base-assert-is-nan/lib/index.js
var require_lib$45 = __commonJSMin(((exports, module) => {
	module.exports = require_main$40();
}));
// node_modules/@stdlib/math-base-special-floor/lib/main.js
var require_main$39 = __commonJSMin(((exports, module) => {
	module.exports = Math.floor;
}));
// node_modules/@stdlib/math-base-special-floor/lib/index.js
var require_lib$44 = __commonJSMin(((exports, module) => {
	module.exports = require_main$39();
}));
// node_modules/@stdlib/math-base-special-ceil/lib/main.js
var require_main$38 = __commonJSMin(((exports, module) => {
	module.exports = Math.ceil;
}));
// node_modules/@stdlib/math-base-special-ceil/lib/index.js
var require_lib$43 = __commonJSMin(((exports, module) => {
	module.exports = require_main$38();
}));
// node_modules/@stdlib/math-base-special-trunc/lib/main.js
var require_main$37 = __commonJSMin(((exports, module) => {
	var floor = require_lib$44();
	var ceil = require_lib$43();
	function trunc(x) {
		if (x < 0) return ceil(x);
		return floor(x);
	}
	module.exports = trunc;
}));
// node_modules/@stdlib/math-base-special-trunc/lib/index.js
var require_lib$42 = __commonJSMin(((exports, module) => {
	module.exports = require_main$37();
}));
// @stdlib/number-ctor
var require_number_ctor = __commonJSMin(((exports, module) => {
	module.exports = Number;
}));
// node_modules/@stdlib/constants-float64-ninf/lib/index.js
var require_lib$41 = __commonJSMin(((exports, module) => {
	module.exports = require_number_ctor().NEGATIVE_INFINITY;
}));
// node_modules/@stdlib/constants-float64-pinf/lib/index.js
var require_lib$40 = __commonJSMin(((exports, module) => {
	module.exports = Number.POSITIVE_INFINITY;
}));
// node_modules/@stdlib/constants-float64-exponent-bias/lib/index.js
var require_lib$39 = __commonJSMin(((exports, module) => {
	module.exports = 1023;
}));
// node_modules/@stdlib/constants-float64-max-base2-exponent/lib/index.js
var require_lib$38 = __commonJSMin(((exports, module) => {
	module.exports = 1023;
}));
// node_modules/@stdlib/constants-float64-max-base2-exponent-subnormal/lib/index.js
var require_lib$37 = __commonJSMin(((exports, module) => {
	module.exports = -1023;
}));
// node_modules/@stdlib/constants-float64-min-base2-exponent-subnormal/lib/index.js
var require_lib$36 = __commonJSMin(((exports, module) => {
	module.exports = -1074;
}));
// node_modules/@stdlib/math-base-assert-is-infinite/lib/main.js
var require_main$36 = __commonJSMin(((exports, module) => {
	var PINF = require_lib$40();
	var NINF = require_lib$41();
	function isInfinite(x) {
		return x === PINF || x === NINF;
	}
	module.exports = isInfinite;
}));
// node_modules/@stdlib/math-base-assert-is-infinite/lib/index.js
var require_lib$35 = __commonJSMin(((exports, module) => {
	module.exports = require_main$36();
}));
// node_modules/@stdlib/constants-float64-high-word-sign-mask/lib/index.js
var require_lib$34 = __commonJSMin(((exports, module) => {
	module.exports = 2147483648;
}));
// node_modules/@stdlib/constants-float64-high-word-abs-mask/lib/index.js
var require_lib$33 = __commonJSMin(((exports, module) => {
	module.exports = 2147483647;
}));
// @stdlib/utils-define-nonenumerable-read-only-property
var require_utils_define_nonenumerable_read_only_property = __commonJSMin(((exports, module) => {
	module.exports = (object, name, value) => {
		object[name] = value;
	};
}));
// @stdlib/array-uint32
var require_array_uint32 = __commonJSMin(((exports, module) => {
	module.exports = Uint32Array;
}));
// @stdlib/array-float64
var require_array_float64 = __commonJSMin(((exports, module) => {
	module.exports = Float64Array;
}));
// @stdlib/array-uint8
var require_array_uint8 = __commonJSMin(((exports, module) => {
	module.exports = Uint8Array;
}));
// @stdlib/array-uint16
var require_array_uint16 = __commonJSMin(((exports, module) => {
	module.exports = Uint16Array;
}));
// node_modules/@stdlib/assert-is-little-endian/lib/ctors.js
var require_ctors = __commonJSMin(((exports, module) => {
	var Uint8Array = require_array_uint8();
	module.exports = {
		"uint16": require_array_uint16(),
		"uint8": Uint8Array
	};
}));
// node_modules/@stdlib/assert-is-little-endian/lib/main.js
var require_main$35 = __commonJSMin(((exports, module) => {
	var ctors = require_ctors();
	var bool;
	function isLittleEndian() {
		var uint16view;
		var uint8view;
		uint16view = new ctors["uint16"](1);
		uint16view[0] = 4660;
		uint8view = new ctors["uint8"](uint16view.buffer);
		return uint8view[0] === 52;
	}
	bool = isLittleEndian();
	module.exports = bool;
}));
// node_modules/@stdlib/assert-is-little-endian/lib/index.js
var require_lib$32 = __commonJSMin(((exports, module) => {
	module.exports = require_main$35();
}));
// node_modules/@stdlib/number-float64-base-to-words/lib/indices.js
var require_indices$1 = __commonJSMin(((exports, module) => {
	var isLittleEndian = require_lib$32();
	var indices;
	var HIGH;
	var LOW;
	if (isLittleEndian === true) {
		HIGH = 1;
		LOW = 0;
	} else {
		HIGH = 0;
		LOW = 1;
	}
	indices = {
		"HIGH": HIGH,
		"LOW": LOW
	};
	module.exports = indices;
}));
// node_modules/@stdlib/number-float64-base-to-words/lib/assign.js
var require_assign$1 = __commonJSMin(((exports, module) => {
	var Uint32Array = require_array_uint32();
	var Float64Array = require_array_float64();
	var indices = require_indices$1();
	var FLOAT64_VIEW = new Float64Array(1);
	var UINT32_VIEW = new Uint32Array(FLOAT64_VIEW.buffer);
	var HIGH = indices.HIGH;
	var LOW = indices.LOW;
	function toWords(x, out, stride, offset) {
		FLOAT64_VIEW[0] = x;
		out[offset] = UINT32_VIEW[HIGH];
		out[offset + stride] = UINT32_VIEW[LOW];
		return out;
	}
	module.exports = toWords;
}));
// node_modules/@stdlib/number-float64-base-to-words/lib/main.js
var require_main$34 = __commonJSMin(((exports, module) => {
	var fcn = require_assign$1();
	function toWords(x) {
		return fcn(x, [0, 0], 1, 0);
	}
	module.exports = toWords;
}));
// node_modules/@stdlib/number-float64-base-to-words/lib/index.js
var require_lib$31 = __commonJSMin(((exports, module) => {
	var setReadOnly = require_utils_define_nonenumerable_read_only_property();
	var main = require_main$34();
	setReadOnly(main, "assign", require_assign$1());
	module.exports = main;
}));
// node_modules/@stdlib/number-float64-base-get-high-word/lib/high.js
var require_high$1 = __commonJSMin(((exports, module) => {
	var isLittleEndian = require_lib$32();
	var HIGH;
	if (isLittleEndian === true) HIGH = 1;
	else HIGH = 0;
	module.exports = HIGH;
}));
// node_modules/@stdlib/number-float64-base-get-high-word/lib/main.js
var require_main$33 = __commonJSMin(((exports, module) => {
	var Uint32Array = require_array_uint32();
	var Float64Array = require_array_float64();
	var HIGH = require_high$1();
	var FLOAT64_VIEW = new Float64Array(1);
	var UINT32_VIEW = new Uint32Array(FLOAT64_VIEW.buffer);
	function getHighWord(x) {
		FLOAT64_VIEW[0] = x;
		return UINT32_VIEW[HIGH];
	}
	module.exports = getHighWord;
}));
// node_modules/@stdlib/number-float64-base-get-high-word/lib/index.js
var require_lib$30 = __commonJSMin(((exports, module) => {
	module.exports = require_main$33();
}));
// node_modules/@stdlib/number-float64-base-from-words/lib/indices.js
var require_indices = __commonJSMin(((exports, module) => {
	var isLittleEndian = require_lib$32();
	var indices;
	var HIGH;
	var LOW;
	if (isLittleEndian === true) {
		HIGH = 1;
		LOW = 0;
	} else {
		HIGH = 0;
		LOW = 1;
	}
	indices = {
		"HIGH": HIGH,
		"LOW": LOW
	};
	module.exports = indices;
}));
// node_modules/@stdlib/number-float64-base-from-words/lib/main.js
var require_main$32 = __commonJSMin(((exports, module) => {
	var Uint32Array = require_array_uint32();
	var Float64Array = require_array_float64();
	var indices = require_indices();
	var FLOAT64_VIEW = new Float64Array(1);
	var UINT32_VIEW = new Uint32Array(FLOAT64_VIEW.buffer);
	var HIGH = indices.HIGH;
	var LOW = indices.LOW;
	function fromWords(high, low) {
		UINT32_VIEW[HIGH] = high;
		UINT32_VIEW[LOW] = low;
		return FLOAT64_VIEW[0];
	}
	module.exports = fromWords;
}));
// node_modules/@stdlib/number-float64-base-from-words/lib/index.js
var require_lib$29 = __commonJSMin(((exports, module) => {
	module.exports = require_main$32();
}));
// node_modules/@stdlib/math-base-special-copysign/lib/main.js
var require_main$31 = __commonJSMin(((exports, module) => {
	var SIGN_MASK = require_lib$34();
	var ABS_MASK = require_lib$33();
	var toWords = require_lib$31();
	var getHighWord = require_lib$30();
	var fromWords = require_lib$29();
	var WORDS = [0, 0];
	function copysign(x, y) {
		var hx;
		var hy;
		toWords.assign(x, WORDS, 1, 0);
		hx = WORDS[0];
		hx &= ABS_MASK;
		hy = getHighWord(y);
		hy &= SIGN_MASK;
		hx |= hy;
		return fromWords(hx, WORDS[1]);
	}
	module.exports = copysign;
}));
// node_modules/@stdlib/math-base-special-copysign/lib/index.js
var require_lib$28 = __commonJSMin(((exports, module) => {
	module.exports = require_main$31();
}));
// node_modules/@stdlib/constants-float64-smallest-normal/lib/index.js
var require_lib$27 = __commonJSMin(((exports, module) => {
	module.exports = 22250738585072014e-324;
}));
// node_modules/@stdlib/math-base-special-abs/lib/main.js
var require_main$30 = __commonJSMin(((exports, module) => {
	function abs(x) {
		return Math.abs(x);
	}
	module.exports = abs;
}));
// node_modules/@stdlib/math-base-special-abs/lib/index.js
var require_lib$26 = __commonJSMin(((exports, module) => {
	module.exports = require_main$30();
}));
// node_modules/@stdlib/number-float64-base-normalize/lib/assign.js
var require_assign = __commonJSMin(((exports, module) => {
	var FLOAT64_SMALLEST_NORMAL = require_lib$27();
	var isInfinite = require_lib$35();
	var isnan = require_lib$45();
	var abs = require_lib$26();
	var SCALAR = 4503599627370496;
	function normalize(x, out, stride, offset) {
		if (isnan(x) || isInfinite(x)) {
			out[offset] = x;
			out[offset + stride] = 0;
			return out;
		}
		if (x !== 0 && abs(x) < FLOAT64_SMALLEST_NORMAL) {
			out[offset] = x * SCALAR;
			out[offset + stride] = -52;
			return out;
		}
		out[offset] = x;
		out[offset + stride] = 0;
		return out;
	}
	module.exports = normalize;
}));
// node_modules/@stdlib/number-float64-base-normalize/lib/main.js
var require_main$29 = __commonJSMin(((exports, module) => {
	var fcn = require_assign();
	function normalize(x) {
		return fcn(x, [0, 0], 1, 0);
	}
	module.exports = normalize;
}));
// node_modules/@stdlib/number-float64-base-normalize/lib/index.js
var require_lib$25 = __commonJSMin(((exports, module) => {
	var setReadOnly = require_utils_define_nonenumerable_read_only_property();
	var main = require_main$29();
	setReadOnly(main, "assign", require_assign());
	module.exports = main;
}));
// node_modules/@stdlib/constants-float64-high-word-exponent-mask/lib/index.js
var require_lib$24 = __commonJSMin(((exports, module) => {
	module.exports = 2146435072;
}));
// node_modules/@stdlib/number-float64-base-exponent/lib/main.js
var require_main$28 = __commonJSMin(((exports, module) => {
	var getHighWord = require_lib$30();
	var EXP_MASK = require_lib$24();
	var BIAS = require_lib$39();
	function exponent(x) {
		var high = getHighWord(x);
		high = (high & EXP_MASK) >>> 20;
		return high - BIAS | 0;
	}
	module.exports = exponent;
}));
// node_modules/@stdlib/number-float64-base-exponent/lib/index.js
var require_lib$23 = __commonJSMin(((exports, module) => {
	module.exports = require_main$28();
}));
// node_modules/@stdlib/math-base-special-ldexp/lib/main.js
var require_main$27 = __commonJSMin(((exports, module) => {
	var PINF = require_lib$40();
	var NINF = require_lib$41();
	var BIAS = require_lib$39();
	var MAX_EXPONENT = require_lib$38();
	var MAX_SUBNORMAL_EXPONENT = require_lib$37();
	var MIN_SUBNORMAL_EXPONENT = require_lib$36();
	var isnan = require_lib$45();
	var isInfinite = require_lib$35();
	var copysign = require_lib$28();
	var normalize = require_lib$25().assign;
	var floatExp = require_lib$23();
	var toWords = require_lib$31();
	var fromWords = require_lib$29();
	var TWO52_INV = 2220446049250313e-31;
	var CLEAR_EXP_MASK = 2148532223;
	var FRAC = [0, 0];
	var WORDS = [0, 0];
	function ldexp(frac, exp) {
		var high;
		var m;
		if (exp === 0 || frac === 0 || isnan(frac) || isInfinite(frac)) return frac;
		normalize(frac, FRAC, 1, 0);
		frac = FRAC[0];
		exp += FRAC[1];
		exp += floatExp(frac);
		if (exp < MIN_SUBNORMAL_EXPONENT) return copysign(0, frac);
		if (exp > MAX_EXPONENT) {
			if (frac < 0) return NINF;
			return PINF;
		}
		if (exp <= MAX_SUBNORMAL_EXPONENT) {
			exp += 52;
			m = TWO52_INV;
		} else m = 1;
		toWords.assign(frac, WORDS, 1, 0);
		high = WORDS[0];
		high &= CLEAR_EXP_MASK;
		high |= exp + BIAS << 20;
		return m * fromWords(high, WORDS[1]);
	}
	module.exports = ldexp;
}));
// node_modules/@stdlib/math-base-special-ldexp/lib/index.js
var require_lib$22 = __commonJSMin(((exports, module) => {
	module.exports = require_main$27();
}));
// node_modules/@stdlib/math-base-special-exp/lib/polyval_p.js
var require_polyval_p$4 = __commonJSMin(((exports, module) => {
	function evalpoly(x) {
		if (x === 0) return .16666666666666602;
		return .16666666666666602 + x * (-.0027777777777015593 + x * (6613756321437934e-20 + x * (-16533902205465252e-22 + x * 4.1381367970572385e-8)));
	}
	module.exports = evalpoly;
}));
// node_modules/@stdlib/math-base-special-exp/lib/expmulti.js
var require_expmulti = __commonJSMin(((exports, module) => {
	var ldexp = require_lib$22();
	var polyvalP = require_polyval_p$4();
	function expmulti(hi, lo, k) {
		var r;
		var t;
		var c;
		var y;
		r = hi - lo;
		t = r * r;
		c = r - t * polyvalP(t);
		y = 1 - (lo - r * c / (2 - c) - hi);
		return ldexp(y, k);
	}
	module.exports = expmulti;
}));
// node_modules/@stdlib/math-base-special-exp/lib/main.js
var require_main$26 = __commonJSMin(((exports, module) => {
	var isnan = require_lib$45();
	var trunc = require_lib$42();
	var NINF = require_lib$41();
	var PINF = require_lib$40();
	var expmulti = require_expmulti();
	var LN2_HI = .6931471803691238;
	var LN2_LO = 19082149292705877e-26;
	var LOG2_E = 1.4426950408889634;
	var OVERFLOW = 709.782712893384;
	var UNDERFLOW = -745.1332191019411;
	var NEARZERO = 1 / (1 << 28);
	var NEG_NEARZERO = -NEARZERO;
	function exp(x) {
		var hi;
		var lo;
		var k;
		if (isnan(x) || x === PINF) return x;
		if (x === NINF) return 0;
		if (x > OVERFLOW) return PINF;
		if (x < UNDERFLOW) return 0;
		if (x > NEG_NEARZERO && x < NEARZERO) return 1 + x;
		if (x < 0) k = trunc(LOG2_E * x - .5);
		else k = trunc(LOG2_E * x + .5);
		hi = x - k * LN2_HI;
		lo = k * LN2_LO;
		return expmulti(hi, lo, k);
	}
	module.exports = exp;
}));
// node_modules/@stdlib/number-float64-base-set-high-word/lib/high.js
var require_high = __commonJSMin(((exports, module) => {
	var isLittleEndian = require_lib$32();
	var HIGH;
	if (isLittleEndian === true) HIGH = 1;
	else HIGH = 0;
	module.exports = HIGH;
}));
// node_modules/@stdlib/number-float64-base-set-high-word/lib/main.js
var require_main$25 = __commonJSMin(((exports, module) => {
	var Uint32Array = require_array_uint32();
	var Float64Array = require_array_float64();
	var HIGH = require_high();
	var FLOAT64_VIEW = new Float64Array(1);
	var UINT32_VIEW = new Uint32Array(FLOAT64_VIEW.buffer);
	function setHighWord(x, high) {
		FLOAT64_VIEW[0] = x;
		UINT32_VIEW[HIGH] = high >>> 0;
		return FLOAT64_VIEW[0];
	}
	module.exports = setHighWord;
}));
// node_modules/@stdlib/number-float64-base-set-high-word/lib/index.js
var require_lib$21 = __commonJSMin(((exports, module) => {
	module.exports = require_main$25();
}));
// node_modules/@stdlib/math-base-special-ln/lib/polyval_p.js
var require_polyval_p$3 = __commonJSMin(((exports, module) => {
	function evalpoly(x) {
		if (x === 0) return .3999999999940942;
		return .3999999999940942 + x * (.22222198432149784 + x * .15313837699209373);
	}
	module.exports = evalpoly;
}));
// node_modules/@stdlib/math-base-special-ln/lib/polyval_q.js
var require_polyval_q$2 = __commonJSMin(((exports, module) => {
	function evalpoly(x) {
		if (x === 0) return .6666666666666735;
		return .6666666666666735 + x * (.2857142874366239 + x * (.1818357216161805 + x * .14798198605116586));
	}
	module.exports = evalpoly;
}));
// node_modules/@stdlib/math-base-special-ln/lib/main.js
var require_main$24 = __commonJSMin(((exports, module) => {
	var getHighWord = require_lib$30();
	var setHighWord = require_lib$21();
	var isnan = require_lib$45();
	var BIAS = require_lib$39();
	var NINF = require_lib$41();
	var polyvalP = require_polyval_p$3();
	var polyvalQ = require_polyval_q$2();
	var LN2_HI = .6931471803691238;
	var LN2_LO = 19082149292705877e-26;
	var TWO54 = 0x40000000000000;
	var ONE_THIRD = .3333333333333333;
	var HIGH_SIGNIFICAND_MASK = 1048575;
	var HIGH_MAX_NORMAL_EXP = 2146435072;
	var HIGH_MIN_NORMAL_EXP = 1048576;
	var HIGH_BIASED_EXP_0 = 1072693248;
	function ln(x) {
		var hfsq;
		var hx;
		var t2;
		var t1;
		var k;
		var R;
		var f;
		var i;
		var j;
		var s;
		var w;
		var z;
		if (x === 0) return NINF;
		if (isnan(x) || x < 0) return NaN;
		hx = getHighWord(x);
		k = 0;
		if (hx < HIGH_MIN_NORMAL_EXP) {
			k -= 54;
			x *= TWO54;
			hx = getHighWord(x);
		}
		if (hx >= HIGH_MAX_NORMAL_EXP) return x + x;
		k += (hx >> 20) - BIAS | 0;
		hx &= HIGH_SIGNIFICAND_MASK;
		i = hx + 614244 & 1048576 | 0;
		x = setHighWord(x, hx | i ^ HIGH_BIASED_EXP_0);
		k += i >> 20 | 0;
		f = x - 1;
		if ((HIGH_SIGNIFICAND_MASK & 2 + hx) < 3) {
			if (f === 0) {
				if (k === 0) return 0;
				return k * LN2_HI + k * LN2_LO;
			}
			R = f * f * (.5 - ONE_THIRD * f);
			if (k === 0) return f - R;
			return k * LN2_HI - (R - k * LN2_LO - f);
		}
		s = f / (2 + f);
		z = s * s;
		i = hx - 398458 | 0;
		w = z * z;
		j = 440401 - hx | 0;
		t1 = w * polyvalP(w);
		t2 = z * polyvalQ(w);
		i |= j;
		R = t2 + t1;
		if (i > 0) {
			hfsq = .5 * f * f;
			if (k === 0) return f - (hfsq - s * (hfsq + R));
			return k * LN2_HI - (hfsq - (s * (hfsq + R) + k * LN2_LO) - f);
		}
		if (k === 0) return f - s * (f - R);
		return k * LN2_HI - (s * (f - R) - k * LN2_LO - f);
	}
	module.exports = ln;
}));
// node_modules/@stdlib/number-float64-base-set-low-word/lib/low.js
var require_low$1 = __commonJSMin(((exports, module) => {
	var isLittleEndian = require_lib$32();
	var LOW;
	if (isLittleEndian === true) LOW = 0;
	else LOW = 1;
	module.exports = LOW;
}));
// node_modules/@stdlib/number-float64-base-set-low-word/lib/main.js
var require_main$23 = __commonJSMin(((exports, module) => {
	var Uint32Array = require_array_uint32();
	var Float64Array = require_array_float64();
	var LOW = require_low$1();
	var FLOAT64_VIEW = new Float64Array(1);
	var UINT32_VIEW = new Uint32Array(FLOAT64_VIEW.buffer);
	function setLowWord(x, low) {
		FLOAT64_VIEW[0] = x;
		UINT32_VIEW[LOW] = low >>> 0;
		return FLOAT64_VIEW[0];
	}
	module.exports = setLowWord;
}));
// node_modules/@stdlib/number-float64-base-set-low-word/lib/index.js
var require_lib$20 = __commonJSMin(((exports, module) => {
	module.exports = require_main$23();
}));
// node_modules/@stdlib/constants-float64-high-word-significand-mask/lib/index.js
var require_lib$19 = __commonJSMin(((exports, module) => {
	module.exports = 1048575;
}));
// node_modules/@stdlib/math-base-special-kernel-log1p/lib/polyval_p.js
var require_polyval_p$2 = __commonJSMin(((exports, module) => {
	function evalpoly(x) {
		if (x === 0) return .3999999999940942;
		return .3999999999940942 + x * (.22222198432149784 + x * .15313837699209373);
	}
	module.exports = evalpoly;
}));
// node_modules/@stdlib/math-base-special-kernel-log1p/lib/polyval_q.js
var require_polyval_q$1 = __commonJSMin(((exports, module) => {
	function evalpoly(x) {
		if (x === 0) return .6666666666666735;
		return .6666666666666735 + x * (.2857142874366239 + x * (.1818357216161805 + x * .14798198605116586));
	}
	module.exports = evalpoly;
}));
// node_modules/@stdlib/math-base-special-kernel-log1p/lib/main.js
var require_main$22 = __commonJSMin(((exports, module) => {
	var polyvalP = require_polyval_p$2();
	var polyvalQ = require_polyval_q$1();
	function kernelLog1p(f) {
		var hfsq;
		var t1;
		var t2;
		var s;
		var z;
		var R;
		var w;
		s = f / (2 + f);
		z = s * s;
		w = z * z;
		t1 = w * polyvalP(w);
		t2 = z * polyvalQ(w);
		R = t2 + t1;
		hfsq = .5 * f * f;
		return s * (hfsq + R);
	}
	module.exports = kernelLog1p;
}));
// node_modules/@stdlib/math-base-special-kernel-log1p/lib/index.js
var require_lib$18 = __commonJSMin(((exports, module) => {
	module.exports = require_main$22();
}));
// node_modules/@stdlib/math-base-special-log2/lib/main.js
var require_main$21 = __commonJSMin(((exports, module) => {
	var getHighWord = require_lib$30();
	var setHighWord = require_lib$21();
	var setLowWord = require_lib$20();
	var toWords = require_lib$31();
	var isnan = require_lib$45();
	var ABS_MASK = require_lib$33();
	var HIGH_SIGNIFICAND_MASK = require_lib$19();
	var BIAS = require_lib$39();
	var NINF = require_lib$41();
	var kernelLog1p = require_lib$18();
	var TWO54 = 0x40000000000000;
	var IVLN2HI = 1.4426950407214463;
	var IVLN2LO = 16751713164886512e-26;
	var HIGH_MAX_NORMAL_EXP = 2146435072;
	var HIGH_MIN_NORMAL_EXP = 1048576;
	var HIGH_BIASED_EXP_0 = 1072693248;
	var WORDS = [0, 0];
	function log2(x) {
		var valHi;
		var valLo;
		var hfsq;
		var hx;
		var lx;
		var hi;
		var lo;
		var f;
		var R;
		var w;
		var y;
		var i;
		var k;
		if (isnan(x) || x < 0) return NaN;
		toWords.assign(x, WORDS, 1, 0);
		hx = WORDS[0] | 0;
		lx = WORDS[1];
		k = 0;
		if (hx < HIGH_MIN_NORMAL_EXP) {
			if ((hx & ABS_MASK | lx) === 0) return NINF;
			k -= 54;
			x *= TWO54;
			hx = getHighWord(x) | 0;
		}
		if (hx >= HIGH_MAX_NORMAL_EXP) return x + x;
		if (hx === HIGH_BIASED_EXP_0 && lx === 0) return 0;
		k += (hx >> 20) - BIAS | 0;
		hx &= HIGH_SIGNIFICAND_MASK;
		i = hx + 614244 & HIGH_MIN_NORMAL_EXP | 0;
		x = setHighWord(x, hx | i ^ HIGH_BIASED_EXP_0);
		k += i >> 20 | 0;
		y = k;
		f = x - 1;
		hfsq = .5 * f * f;
		R = kernelLog1p(f);
		hi = f - hfsq;
		hi = setLowWord(hi, 0);
		lo = f - hi - hfsq + R;
		valHi = hi * IVLN2HI;
		valLo = (lo + hi) * IVLN2LO + lo * IVLN2HI;
		w = y + valHi;
		valLo += y - w + valHi;
		valHi = w;
		return valLo + valHi;
	}
	module.exports = log2;
}));
// node_modules/@stdlib/math-base-special-log10/lib/main.js
var require_main$20 = __commonJSMin(((exports, module) => {
	var getHighWord = require_lib$30();
	var setHighWord = require_lib$21();
	var setLowWord = require_lib$20();
	var toWords = require_lib$31();
	var ABS_MASK = require_lib$33();
	var HIGH_SIGNIFICAND_MASK = require_lib$19();
	var isnan = require_lib$45();
	var BIAS = require_lib$39();
	var NINF = require_lib$41();
	var kernelLog1p = require_lib$18();
	var TWO54 = 0x40000000000000;
	var IVLN10HI = .4342944818781689;
	var IVLN10LO = 25082946711645275e-27;
	var LOG10_2HI = .30102999566361177;
	var LOG10_2LO = 3694239077158931e-28;
	var HIGH_MAX_NORMAL_EXP = 2146435072;
	var HIGH_MIN_NORMAL_EXP = 1048576;
	var HIGH_BIASED_EXP_0 = 1072693248;
	var WORDS = [0, 0];
	function log10(x) {
		var valHi;
		var valLo;
		var hfsq;
		var hi;
		var lo;
		var hx;
		var lx;
		var y2;
		var f;
		var R;
		var w;
		var y;
		var i;
		var k;
		if (isnan(x) || x < 0) return NaN;
		toWords.assign(x, WORDS, 1, 0);
		hx = WORDS[0] | 0;
		lx = WORDS[1];
		k = 0;
		if (hx < HIGH_MIN_NORMAL_EXP) {
			if ((hx & ABS_MASK | lx) === 0) return NINF;
			k -= 54;
			x *= TWO54;
			hx = getHighWord(x) | 0;
		}
		if (hx >= HIGH_MAX_NORMAL_EXP) return x + x;
		if (hx === HIGH_BIASED_EXP_0 && lx === 0) return 0;
		k += (hx >> 20) - BIAS | 0;
		hx &= HIGH_SIGNIFICAND_MASK;
		i = hx + 614244 & HIGH_MIN_NORMAL_EXP | 0;
		x = setHighWord(x, hx | i ^ HIGH_BIASED_EXP_0);
		k += i >> 20 | 0;
		y = k;
		f = x - 1;
		hfsq = .5 * f * f;
		R = kernelLog1p(f);
		hi = f - hfsq;
		hi = setLowWord(hi, 0);
		lo = f - hi - hfsq + R;
		valHi = hi * IVLN10HI;
		y2 = y * LOG10_2HI;
		valLo = y * LOG10_2LO + (lo + hi) * IVLN10LO + lo * IVLN10HI;
		w = y2 + valHi;
		valLo += y2 - w + valHi;
		valHi = w;
		return valLo + valHi;
	}
	module.exports = log10;
}));
// node_modules/@stdlib/math-base-assert-is-integer/lib/main.js
var require_main$19 = __commonJSMin(((exports, module) => {
	var floor = require_lib$44();
	function isInteger(x) {
		return floor(x) === x;
	}
	module.exports = isInteger;
}));
// node_modules/@stdlib/math-base-assert-is-integer/lib/index.js
var require_lib$17 = __commonJSMin(((exports, module) => {
	module.exports = require_main$19();
}));
// node_modules/@stdlib/math-base-assert-is-even/lib/main.js
var require_main$18 = __commonJSMin(((exports, module) => {
	var isInteger = require_lib$17();
	function isEven(x) {
		return isInteger(x / 2);
	}
	module.exports = isEven;
}));
// node_modules/@stdlib/math-base-assert-is-even/lib/index.js
var require_lib$16 = __commonJSMin(((exports, module) => {
	module.exports = require_main$18();
}));
// node_modules/@stdlib/math-base-assert-is-odd/lib/main.js
var require_main$17 = __commonJSMin(((exports, module) => {
	var isEven = require_lib$16();
	function isOdd(x) {
		if (x > 0) return isEven(x - 1);
		return isEven(x + 1);
	}
	module.exports = isOdd;
}));
// node_modules/@stdlib/math-base-assert-is-odd/lib/index.js
var require_lib$15 = __commonJSMin(((exports, module) => {
	module.exports = require_main$17();
}));
// node_modules/@stdlib/math-base-special-sqrt/lib/main.js
var require_main$16 = __commonJSMin(((exports, module) => {
	module.exports = Math.sqrt;
}));
// node_modules/@stdlib/math-base-special-sqrt/lib/index.js
var require_lib$14 = __commonJSMin(((exports, module) => {
	module.exports = require_main$16();
}));
// node_modules/@stdlib/number-uint32-base-to-int32/lib/main.js
var require_main$15 = __commonJSMin(((exports, module) => {
	function uint32ToInt32(x) {
		return x | 0;
	}
	module.exports = uint32ToInt32;
}));
// node_modules/@stdlib/number-uint32-base-to-int32/lib/index.js
var require_lib$13 = __commonJSMin(((exports, module) => {
	module.exports = require_main$15();
}));
// node_modules/@stdlib/math-base-special-pow/lib/x_is_zero.js
var require_x_is_zero = __commonJSMin(((exports, module) => {
	var isOdd = require_lib$15();
	var copysign = require_lib$28();
	var NINF = require_lib$41();
	var PINF = require_lib$40();
	function pow(x, y) {
		if (y === NINF) return PINF;
		if (y === PINF) return 0;
		if (y > 0) {
			if (isOdd(y)) return x;
			return 0;
		}
		if (isOdd(y)) return copysign(PINF, x);
		return PINF;
	}
	module.exports = pow;
}));
// node_modules/@stdlib/math-base-special-pow/lib/y_is_huge.js
var require_y_is_huge = __commonJSMin(((exports, module) => {
	var ABS_MASK = require_lib$33();
	var getHighWord = require_lib$30();
	var HIGH_MAX_NEAR_UNITY = 1072693247;
	var HUGE = 1e300;
	var TINY = 1e-300;
	function pow(x, y) {
		if ((getHighWord(x) & ABS_MASK) <= HIGH_MAX_NEAR_UNITY) {
			if (y < 0) return HUGE * HUGE;
			return TINY * TINY;
		}
		if (y > 0) return HUGE * HUGE;
		return TINY * TINY;
	}
	module.exports = pow;
}));
// node_modules/@stdlib/math-base-special-pow/lib/y_is_infinite.js
var require_y_is_infinite = __commonJSMin(((exports, module) => {
	var abs = require_lib$26();
	var PINF = require_lib$40();
	function pow(x, y) {
		if (x === -1) return (x - x) / (x - x);
		if (x === 1) return 1;
		if (abs(x) < 1 === (y === PINF)) return 0;
		return PINF;
	}
	module.exports = pow;
}));
// node_modules/@stdlib/constants-float64-num-high-word-significand-bits/lib/index.js
var require_lib$12 = __commonJSMin(((exports, module) => {
	module.exports = 20;
}));
// node_modules/@stdlib/math-base-special-pow/lib/polyval_l.js
var require_polyval_l = __commonJSMin(((exports, module) => {
	function evalpoly(x) {
		if (x === 0) return .5999999999999946;
		return .5999999999999946 + x * (.4285714285785502 + x * (.33333332981837743 + x * (.272728123808534 + x * (.23066074577556175 + x * .20697501780033842))));
	}
	module.exports = evalpoly;
}));
// node_modules/@stdlib/math-base-special-pow/lib/log2ax.js
var require_log2ax = __commonJSMin(((exports, module) => {
	var getHighWord = require_lib$30();
	var setLowWord = require_lib$20();
	var setHighWord = require_lib$21();
	var BIAS = require_lib$39();
	var HIGH_NUM_SIGNIFICAND_BITS = require_lib$12();
	var polyvalL = require_polyval_l();
	var HIGH_SIGNIFICAND_MASK = 1048575;
	var HIGH_MIN_NORMAL_EXP = 1048576;
	var HIGH_BIASED_EXP_0 = 1072693248;
	var HIGH_BIASED_EXP_NEG_512 = 536870912;
	var HIGH_SIGNIFICAND_HALF = 524288;
	var TWO53 = 9007199254740992;
	var CP = .9617966939259756;
	var CP_HI = .9617967009544373;
	var CP_LO = -7.028461650952758e-9;
	var BP = [1, 1.5];
	var DP_HI = [0, .5849624872207642];
	var DP_LO = [0, 1.350039202129749e-8];
	function log2ax(out, ax, ahx) {
		var tmp;
		var ss;
		var s2;
		var hs;
		var ls;
		var ht;
		var lt;
		var bp;
		var dp;
		var hp;
		var lp;
		var hz;
		var lz;
		var t1;
		var t2;
		var t;
		var r;
		var u;
		var v;
		var n;
		var j;
		var k;
		n = 0;
		if (ahx < HIGH_MIN_NORMAL_EXP) {
			ax *= TWO53;
			n -= 53;
			ahx = getHighWord(ax);
		}
		n += (ahx >> HIGH_NUM_SIGNIFICAND_BITS) - BIAS | 0;
		j = ahx & HIGH_SIGNIFICAND_MASK | 0;
		ahx = j | HIGH_BIASED_EXP_0 | 0;
		if (j <= 235662) k = 0;
		else if (j < 767610) k = 1;
		else {
			k = 0;
			n += 1;
			ahx -= HIGH_MIN_NORMAL_EXP;
		}
		ax = setHighWord(ax, ahx);
		bp = BP[k];
		u = ax - bp;
		v = 1 / (ax + bp);
		ss = u * v;
		hs = setLowWord(ss, 0);
		tmp = (ahx >> 1 | HIGH_BIASED_EXP_NEG_512) + HIGH_SIGNIFICAND_HALF;
		tmp += k << 18;
		ht = setHighWord(0, tmp);
		lt = ax - (ht - bp);
		ls = v * (u - hs * ht - hs * lt);
		s2 = ss * ss;
		r = s2 * s2 * polyvalL(s2);
		r += ls * (hs + ss);
		s2 = hs * hs;
		ht = 3 + s2 + r;
		ht = setLowWord(ht, 0);
		lt = r - (ht - 3 - s2);
		u = hs * ht;
		v = ls * ht + lt * ss;
		hp = u + v;
		hp = setLowWord(hp, 0);
		lp = v - (hp - u);
		hz = CP_HI * hp;
		lz = CP_LO * hp + lp * CP + DP_LO[k];
		dp = DP_HI[k];
		t = n;
		t1 = hz + lz + dp + t;
		t1 = setLowWord(t1, 0);
		t2 = lz - (t1 - t - dp - hz);
		out[0] = t1;
		out[1] = t2;
		return out;
	}
	module.exports = log2ax;
}));
// node_modules/@stdlib/math-base-special-pow/lib/polyval_w.js
var require_polyval_w = __commonJSMin(((exports, module) => {
	function evalpoly(x) {
		if (x === 0) return .5;
		return .5 + x * (-.3333333333333333 + x * .25);
	}
	module.exports = evalpoly;
}));
// node_modules/@stdlib/math-base-special-pow/lib/logx.js
var require_logx = __commonJSMin(((exports, module) => {
	var setLowWord = require_lib$20();
	var polyvalW = require_polyval_w();
	var INV_LN2 = 1.4426950408889634;
	var INV_LN2_HI = 1.4426950216293335;
	var INV_LN2_LO = 1.9259629911266175e-8;
	function logx(out, ax) {
		var t2;
		var t1;
		var t;
		var w;
		var u;
		var v;
		t = ax - 1;
		w = t * t * polyvalW(t);
		u = INV_LN2_HI * t;
		v = t * INV_LN2_LO - w * INV_LN2;
		t1 = u + v;
		t1 = setLowWord(t1, 0);
		t2 = v - (t1 - u);
		out[0] = t1;
		out[1] = t2;
		return out;
	}
	module.exports = logx;
}));
// node_modules/@stdlib/constants-float64-ln-two/lib/index.js
var require_lib$11 = __commonJSMin(((exports, module) => {
	module.exports = .6931471805599453;
}));
// node_modules/@stdlib/math-base-special-pow/lib/polyval_p.js
var require_polyval_p$1 = __commonJSMin(((exports, module) => {
	function evalpoly(x) {
		if (x === 0) return .16666666666666602;
		return .16666666666666602 + x * (-.0027777777777015593 + x * (6613756321437934e-20 + x * (-16533902205465252e-22 + x * 4.1381367970572385e-8)));
	}
	module.exports = evalpoly;
}));
// node_modules/@stdlib/math-base-special-pow/lib/pow2.js
var require_pow2 = __commonJSMin(((exports, module) => {
	var getHighWord = require_lib$30();
	var setHighWord = require_lib$21();
	var setLowWord = require_lib$20();
	var uint32ToInt32 = require_lib$13();
	var ldexp = require_lib$22();
	var LN2 = require_lib$11();
	var BIAS = require_lib$39();
	var ABS_MASK = require_lib$33();
	var HIGH_SIGNIFICAND_MASK = require_lib$19();
	var HIGH_NUM_SIGNIFICAND_BITS = require_lib$12();
	var polyvalP = require_polyval_p$1();
	var HIGH_MIN_NORMAL_EXP = 1048576;
	var HIGH_BIASED_EXP_NEG_1 = 1071644672;
	var LN2_HI = .6931471824645996;
	var LN2_LO = -1.904654299957768e-9;
	function pow2(j, hp, lp) {
		var tmp;
		var t1;
		var t;
		var r;
		var u;
		var v;
		var w;
		var z;
		var n;
		var i;
		var k;
		i = j & ABS_MASK | 0;
		k = (i >> HIGH_NUM_SIGNIFICAND_BITS) - BIAS | 0;
		n = 0;
		if (i > HIGH_BIASED_EXP_NEG_1) {
			n = j + (HIGH_MIN_NORMAL_EXP >> k + 1) >>> 0;
			k = ((n & ABS_MASK) >> HIGH_NUM_SIGNIFICAND_BITS) - BIAS | 0;
			tmp = (n & ~(HIGH_SIGNIFICAND_MASK >> k)) >>> 0;
			t = setHighWord(0, tmp);
			n = (n & HIGH_SIGNIFICAND_MASK | HIGH_MIN_NORMAL_EXP) >> HIGH_NUM_SIGNIFICAND_BITS - k >>> 0;
			if (j < 0) n = -n;
			hp -= t;
		}
		t = lp + hp;
		t = setLowWord(t, 0);
		u = t * LN2_HI;
		v = (lp - (t - hp)) * LN2 + t * LN2_LO;
		z = u + v;
		w = v - (z - u);
		t = z * z;
		t1 = z - t * polyvalP(t);
		r = z * t1 / (t1 - 2) - (w + z * w);
		z = 1 - (r - z);
		j = getHighWord(z);
		j = uint32ToInt32(j);
		j += n << HIGH_NUM_SIGNIFICAND_BITS >>> 0;
		if (j >> HIGH_NUM_SIGNIFICAND_BITS <= 0) z = ldexp(z, n);
		else z = setHighWord(z, j);
		return z;
	}
	module.exports = pow2;
}));
// node_modules/@stdlib/math-base-special-pow/lib/main.js
var require_main$14 = __commonJSMin(((exports, module) => {
	var isnan = require_lib$45();
	var isOdd = require_lib$15();
	var isInfinite = require_lib$35();
	var isInteger = require_lib$17();
	var sqrt = require_lib$14();
	var abs = require_lib$26();
	var toWords = require_lib$31();
	var setLowWord = require_lib$20();
	var uint32ToInt32 = require_lib$13();
	var NINF = require_lib$41();
	var PINF = require_lib$40();
	var ABS_MASK = require_lib$33();
	var xIsZero = require_x_is_zero();
	var yIsHuge = require_y_is_huge();
	var yIsInfinite = require_y_is_infinite();
	var log2ax = require_log2ax();
	var logx = require_logx();
	var pow2 = require_pow2();
	var HIGH_MAX_NEAR_UNITY = 1072693247;
	var HIGH_BIASED_EXP_31 = 1105199104;
	var HIGH_BIASED_EXP_64 = 1139802112;
	var HIGH_BIASED_EXP_10 = 1083179008;
	var HIGH_BIASED_EXP_0 = 1072693248;
	var HIGH_1075 = 1083231232;
	var HIGH_NEG_1075 = 3230714880;
	var HIGH_NUM_NONSIGN_BITS = 31;
	var HUGE = 1e300;
	var TINY = 1e-300;
	var OVT = 8008566259537294e-32;
	var WORDS = [0, 0];
	var LOG_WORKSPACE = [0, 0];
	function pow(x, y) {
		var ahx;
		var ahy;
		var ax;
		var hx;
		var lx;
		var hy;
		var ly;
		var sx;
		var sy;
		var y1;
		var hp;
		var lp;
		var t;
		var z;
		var j;
		var i;
		if (isnan(x) || isnan(y)) return NaN;
		toWords.assign(y, WORDS, 1, 0);
		hy = WORDS[0];
		ly = WORDS[1];
		if (ly === 0) {
			if (y === 0) return 1;
			if (y === 1) return x;
			if (y === -1) return 1 / x;
			if (y === .5) return sqrt(x);
			if (y === -.5) return 1 / sqrt(x);
			if (y === 2) return x * x;
			if (y === 3) return x * x * x;
			if (y === 4) {
				x *= x;
				return x * x;
			}
			if (isInfinite(y)) return yIsInfinite(x, y);
		}
		toWords.assign(x, WORDS, 1, 0);
		hx = WORDS[0];
		lx = WORDS[1];
		if (lx === 0) {
			if (hx === 0) return xIsZero(x, y);
			if (x === 1) return 1;
			if (x === -1 && isOdd(y)) return -1;
			if (isInfinite(x)) {
				if (x === NINF) return pow(-0, -y);
				if (y < 0) return 0;
				return PINF;
			}
		}
		if (x < 0 && isInteger(y) === false) return (x - x) / (x - x);
		ax = abs(x);
		ahx = hx & ABS_MASK | 0;
		ahy = hy & ABS_MASK | 0;
		sx = hx >>> HIGH_NUM_NONSIGN_BITS | 0;
		sy = hy >>> HIGH_NUM_NONSIGN_BITS | 0;
		if (sx && isOdd(y)) sx = -1;
		else sx = 1;
		if (ahy > HIGH_BIASED_EXP_31) {
			if (ahy > HIGH_BIASED_EXP_64) return yIsHuge(x, y);
			if (ahx < HIGH_MAX_NEAR_UNITY) {
				if (sy === 1) return sx * HUGE * HUGE;
				return sx * TINY * TINY;
			}
			if (ahx > HIGH_BIASED_EXP_0) {
				if (sy === 0) return sx * HUGE * HUGE;
				return sx * TINY * TINY;
			}
			t = logx(LOG_WORKSPACE, ax);
		} else t = log2ax(LOG_WORKSPACE, ax, ahx);
		y1 = setLowWord(y, 0);
		lp = (y - y1) * t[0] + y * t[1];
		hp = y1 * t[0];
		z = lp + hp;
		toWords.assign(z, WORDS, 1, 0);
		j = uint32ToInt32(WORDS[0]);
		i = uint32ToInt32(WORDS[1]);
		if (j >= HIGH_BIASED_EXP_10) {
			if ((j - HIGH_BIASED_EXP_10 | i) !== 0) return sx * HUGE * HUGE;
			if (lp + OVT > z - hp) return sx * HUGE * HUGE;
		} else if ((j & ABS_MASK) >= HIGH_1075) {
			if ((j - HIGH_NEG_1075 | i) !== 0) return sx * TINY * TINY;
			if (lp <= z - hp) return sx * TINY * TINY;
		}
		z = pow2(j, hp, lp);
		return sx * z;
	}
	module.exports = pow;
}));
// node_modules/@stdlib/math-base-special-kernel-cos/lib/polyval_c13.js
var require_polyval_c13 = __commonJSMin(((exports, module) => {
	function evalpoly(x) {
		if (x === 0) return .0416666666666666;
		return .0416666666666666 + x * (-.001388888888887411 + x * 2480158728947673e-20);
	}
	module.exports = evalpoly;
}));
// node_modules/@stdlib/math-base-special-kernel-cos/lib/polyval_c46.js
var require_polyval_c46 = __commonJSMin(((exports, module) => {
	function evalpoly(x) {
		if (x === 0) return -2.7557314351390663e-7;
		return -2.7557314351390663e-7 + x * (2.087572321298175e-9 + x * -11359647557788195e-27);
	}
	module.exports = evalpoly;
}));
// node_modules/@stdlib/math-base-special-kernel-cos/lib/main.js
var require_main$13 = __commonJSMin(((exports, module) => {
	var polyval13 = require_polyval_c13();
	var polyval46 = require_polyval_c46();
	function kernelCos(x, y) {
		var hz;
		var r;
		var w;
		var z = x * x;
		w = z * z;
		r = z * polyval13(z);
		r += w * w * polyval46(z);
		hz = .5 * z;
		w = 1 - hz;
		return w + (1 - w - hz + (z * r - x * y));
	}
	module.exports = kernelCos;
}));
// node_modules/@stdlib/math-base-special-kernel-cos/lib/index.js
var require_lib$10 = __commonJSMin(((exports, module) => {
	module.exports = require_main$13();
}));
// node_modules/@stdlib/math-base-special-kernel-sin/lib/main.js
var require_main$12 = __commonJSMin(((exports, module) => {
	var S1 = -.16666666666666632;
	var S2 = .00833333333332249;
	var S3 = -.0001984126982985795;
	var S4 = 27557313707070068e-22;
	var S5 = -2.5050760253406863e-8;
	var S6 = 158969099521155e-24;
	function kernelSin(x, y) {
		var r;
		var v;
		var w;
		var z = x * x;
		w = z * z;
		r = S2 + z * (S3 + z * S4) + z * w * (S5 + z * S6);
		v = z * x;
		if (y === 0) return x + v * (S1 + z * r);
		return x - (z * (.5 * y - v * r) - y - v * S1);
	}
	module.exports = kernelSin;
}));
// node_modules/@stdlib/math-base-special-kernel-sin/lib/index.js
var require_lib$9 = __commonJSMin(((exports, module) => {
	module.exports = require_main$12();
}));
// node_modules/@stdlib/number-float64-base-get-low-word/lib/low.js
var require_low = __commonJSMin(((exports, module) => {
	var isLittleEndian = require_lib$32();
	var LOW;
	if (isLittleEndian === true) LOW = 0;
	else LOW = 1;
	module.exports = LOW;
}));
// node_modules/@stdlib/number-float64-base-get-low-word/lib/main.js
var require_main$11 = __commonJSMin(((exports, module) => {
	var Uint32Array = require_array_uint32();
	var Float64Array = require_array_float64();
	var LOW = require_low();
	var FLOAT64_VIEW = new Float64Array(1);
	var UINT32_VIEW = new Uint32Array(FLOAT64_VIEW.buffer);
	function getLowWord(x) {
		FLOAT64_VIEW[0] = x;
		return UINT32_VIEW[LOW];
	}
	module.exports = getLowWord;
}));
// node_modules/@stdlib/number-float64-base-get-low-word/lib/index.js
var require_lib$8 = __commonJSMin(((exports, module) => {
	module.exports = require_main$11();
}));
// node_modules/@stdlib/array-base-filled/lib/main.js
var require_main$10 = __commonJSMin(((exports, module) => {
	function filled(value, len) {
		var arr;
		var i;
		arr = [];
		for (i = 0; i < len; i++) arr.push(value);
		return arr;
	}
	module.exports = filled;
}));
// node_modules/@stdlib/array-base-filled/lib/index.js
var require_lib$7 = __commonJSMin(((exports, module) => {
	module.exports = require_main$10();
}));
// node_modules/@stdlib/array-base-zeros/lib/main.js
var require_main$9 = __commonJSMin(((exports, module) => {
	var filled = require_lib$7();
	function zeros(len) {
		return filled(0, len);
	}
	module.exports = zeros;
}));
// node_modules/@stdlib/array-base-zeros/lib/index.js
var require_lib$6 = __commonJSMin(((exports, module) => {
	module.exports = require_main$9();
}));
// node_modules/@stdlib/math-base-special-rempio2/lib/kernel_rempio2.js
var require_kernel_rempio2 = __commonJSMin(((exports, module) => {
	var floor = require_lib$44();
	var ldexp = require_lib$22();
	var zeros = require_lib$6();
	var IPIO2 = [
		10680707,
		7228996,
		1387004,
		2578385,
		16069853,
		12639074,
		9804092,
		4427841,
		16666979,
		11263675,
		12935607,
		2387514,
		4345298,
		14681673,
		3074569,
		13734428,
		16653803,
		1880361,
		10960616,
		8533493,
		3062596,
		8710556,
		7349940,
		6258241,
		3772886,
		3769171,
		3798172,
		8675211,
		12450088,
		3874808,
		9961438,
		366607,
		15675153,
		9132554,
		7151469,
		3571407,
		2607881,
		12013382,
		4155038,
		6285869,
		7677882,
		13102053,
		15825725,
		473591,
		9065106,
		15363067,
		6271263,
		9264392,
		5636912,
		4652155,
		7056368,
		13614112,
		10155062,
		1944035,
		9527646,
		15080200,
		6658437,
		6231200,
		6832269,
		16767104,
		5075751,
		3212806,
		1398474,
		7579849,
		6349435,
		12618859
	];
	var PIO2 = [
		1.570796251296997,
		7.549789415861596e-8,
		5390302529957765e-30,
		3282003415807913e-37,
		1270655753080676e-44,
		12293330898111133e-52,
		27337005381646456e-60,
		21674168387780482e-67
	];
	var TWO24 = 16777216;
	var TWON24 = 5.960464477539063e-8;
	var F = zeros(20);
	var Q = zeros(20);
	var FQ = zeros(20);
	var IQ = zeros(20);
	function compute(x, y, jz, q, q0, jk, jv, jx, f) {
		var carry;
		var fw;
		var ih;
		var jp;
		var i;
		var k;
		var n;
		var j;
		var z;
		jp = jk;
		z = q[jz];
		j = jz;
		for (i = 0; j > 0; i++) {
			fw = TWON24 * z | 0;
			IQ[i] = z - TWO24 * fw | 0;
			z = q[j - 1] + fw;
			j -= 1;
		}
		z = ldexp(z, q0);
		z -= 8 * floor(z * .125);
		n = z | 0;
		z -= n;
		ih = 0;
		if (q0 > 0) {
			i = IQ[jz - 1] >> 24 - q0;
			n += i;
			IQ[jz - 1] -= i << 24 - q0;
			ih = IQ[jz - 1] >> 23 - q0;
		} else if (q0 === 0) ih = IQ[jz - 1] >> 23;
		else if (z >= .5) ih = 2;
		if (ih > 0) {
			n += 1;
			carry = 0;
			for (i = 0; i < jz; i++) {
				j = IQ[i];
				if (carry === 0) {
					if (j !== 0) {
						carry = 1;
						IQ[i] = 16777216 - j;
					}
				} else IQ[i] = 16777215 - j;
			}
			if (q0 > 0) switch (q0) {
				case 1:
					IQ[jz - 1] &= 8388607;
					break;
				case 2: IQ[jz - 1] &= 4194303;
			}
			if (ih === 2) {
				z = 1 - z;
				if (carry !== 0) z -= ldexp(1, q0);
			}
		}
		if (z === 0) {
			j = 0;
			for (i = jz - 1; i >= jk; i--) j |= IQ[i];
			if (j === 0) {
				for (k = 1; IQ[jk - k] === 0; k++);
				for (i = jz + 1; i <= jz + k; i++) {
					f[jx + i] = IPIO2[jv + i];
					fw = 0;
					for (j = 0; j <= jx; j++) fw += x[j] * f[jx + (i - j)];
					q[i] = fw;
				}
				jz += k;
				return compute(x, y, jz, q, q0, jk, jv, jx, f);
			}
			jz -= 1;
			q0 -= 24;
			while (IQ[jz] === 0) {
				jz -= 1;
				q0 -= 24;
			}
		} else {
			z = ldexp(z, -q0);
			if (z >= TWO24) {
				fw = TWON24 * z | 0;
				IQ[jz] = z - TWO24 * fw | 0;
				jz += 1;
				q0 += 24;
				IQ[jz] = fw;
			} else IQ[jz] = z | 0;
		}
		fw = ldexp(1, q0);
		for (i = jz; i >= 0; i--) {
			q[i] = fw * IQ[i];
			fw *= TWON24;
		}
		for (i = jz; i >= 0; i--) {
			fw = 0;
			for (k = 0; k <= jp && k <= jz - i; k++) fw += PIO2[k] * q[i + k];
			FQ[jz - i] = fw;
		}
		fw = 0;
		for (i = jz; i >= 0; i--) fw += FQ[i];
		if (ih === 0) y[0] = fw;
		else y[0] = -fw;
		fw = FQ[0] - fw;
		for (i = 1; i <= jz; i++) fw += FQ[i];
		if (ih === 0) y[1] = fw;
		else y[1] = -fw;
		return n & 7;
	}
	function kernelRempio2(x, y, e0, nx) {
		var fw;
		var jk;
		var jv;
		var jx;
		var jz;
		var q0;
		var i;
		var j;
		var m;
		jk = 4;
		jx = nx - 1;
		jv = (e0 - 3) / 24 | 0;
		if (jv < 0) jv = 0;
		q0 = e0 - 24 * (jv + 1);
		j = jv - jx;
		m = jx + jk;
		for (i = 0; i <= m; i++) {
			if (j < 0) F[i] = 0;
			else F[i] = IPIO2[j];
			j += 1;
		}
		for (i = 0; i <= jk; i++) {
			fw = 0;
			for (j = 0; j <= jx; j++) fw += x[j] * F[jx + (i - j)];
			Q[i] = fw;
		}
		jz = jk;
		return compute(x, y, jz, Q, q0, jk, jv, jx, F);
	}
	module.exports = kernelRempio2;
}));
// node_modules/@stdlib/math-base-special-round/lib/main.js
var require_main$8 = __commonJSMin(((exports, module) => {
	module.exports = Math.round;
}));
// node_modules/@stdlib/math-base-special-round/lib/index.js
var require_lib$5 = __commonJSMin(((exports, module) => {
	module.exports = require_main$8();
}));
// node_modules/@stdlib/math-base-special-rempio2/lib/rempio2_medium.js
var require_rempio2_medium = __commonJSMin(((exports, module) => {
	var round = require_lib$5();
	var getHighWord = require_lib$30();
	var INVPIO2 = .6366197723675814;
	var PIO2_1 = 1.5707963267341256;
	var PIO2_1T = 6077100506506192e-26;
	var PIO2_2 = 6077100506303966e-26;
	var PIO2_2T = 20222662487959506e-37;
	var PIO2_3 = 20222662487111665e-37;
	var PIO2_3T = 84784276603689e-45;
	var EXPONENT_MASK = 2047;
	function rempio2Medium(x, ix, y) {
		var high;
		var n;
		var t;
		var r;
		var w;
		var i;
		var j;
		n = round(x * INVPIO2);
		r = x - n * PIO2_1;
		w = n * PIO2_1T;
		j = ix >> 20 | 0;
		y[0] = r - w;
		high = getHighWord(y[0]);
		i = j - (high >> 20 & EXPONENT_MASK);
		if (i > 16) {
			t = r;
			w = n * PIO2_2;
			r = t - w;
			w = n * PIO2_2T - (t - r - w);
			y[0] = r - w;
			high = getHighWord(y[0]);
			i = j - (high >> 20 & EXPONENT_MASK);
			if (i > 49) {
				t = r;
				w = n * PIO2_3;
				r = t - w;
				w = n * PIO2_3T - (t - r - w);
				y[0] = r - w;
			}
		}
		y[1] = r - y[0] - w;
		return n;
	}
	module.exports = rempio2Medium;
}));
// node_modules/@stdlib/math-base-special-rempio2/lib/main.js
var require_main$7 = __commonJSMin(((exports, module) => {
	var ABS_MASK = require_lib$33();
	var EXPONENT_MASK = require_lib$24();
	var SIGNIFICAND_MASK = require_lib$19();
	var getHighWord = require_lib$30();
	var getLowWord = require_lib$8();
	var fromWords = require_lib$29();
	var rempio2Kernel = require_kernel_rempio2();
	var rempio2Medium = require_rempio2_medium();
	var ZERO = 0;
	var TWO24 = 16777216;
	var PIO2_1 = 1.5707963267341256;
	var PIO2_1T = 6077100506506192e-26;
	var TWO_PIO2_1T = 2 * PIO2_1T;
	var THREE_PIO2_1T = 3 * PIO2_1T;
	var FOUR_PIO2_1T = 4 * PIO2_1T;
	var PI_HIGH_WORD_SIGNIFICAND = 598523;
	var PIO4_HIGH_WORD = 1072243195;
	var THREE_PIO4_HIGH_WORD = 1073928572;
	var FIVE_PIO4_HIGH_WORD = 1074752122;
	var THREE_PIO2_HIGH_WORD = 1074977148;
	var SEVEN_PIO4_HIGH_WORD = 1075183036;
	var TWO_PI_HIGH_WORD = 1075388923;
	var NINE_PIO4_HIGH_WORD = 1075594811;
	var MEDIUM = 1094263291;
	var TX = [
		0,
		0,
		0
	];
	var TY = [0, 0];
	function rempio2(x, y) {
		var low;
		var e0;
		var hx;
		var ix;
		var nx;
		var i;
		var n;
		var z;
		hx = getHighWord(x) | 0;
		ix = hx & ABS_MASK | 0;
		if (ix <= PIO4_HIGH_WORD) {
			y[0] = x;
			y[1] = 0;
			return 0;
		}
		if (ix <= FIVE_PIO4_HIGH_WORD) {
			if ((ix & SIGNIFICAND_MASK) === PI_HIGH_WORD_SIGNIFICAND) return rempio2Medium(x, ix, y);
			if (ix <= THREE_PIO4_HIGH_WORD) {
				if (hx > 0) {
					z = x - PIO2_1;
					y[0] = z - PIO2_1T;
					y[1] = z - y[0] - PIO2_1T;
					return 1;
				}
				z = x + PIO2_1;
				y[0] = z + PIO2_1T;
				y[1] = z - y[0] + PIO2_1T;
				return -1;
			}
			if (hx > 0) {
				z = x - 2 * PIO2_1;
				y[0] = z - TWO_PIO2_1T;
				y[1] = z - y[0] - TWO_PIO2_1T;
				return 2;
			}
			z = x + 2 * PIO2_1;
			y[0] = z + TWO_PIO2_1T;
			y[1] = z - y[0] + TWO_PIO2_1T;
			return -2;
		}
		if (ix <= NINE_PIO4_HIGH_WORD) {
			if (ix <= SEVEN_PIO4_HIGH_WORD) {
				if (ix === THREE_PIO2_HIGH_WORD) return rempio2Medium(x, ix, y);
				if (hx > 0) {
					z = x - 3 * PIO2_1;
					y[0] = z - THREE_PIO2_1T;
					y[1] = z - y[0] - THREE_PIO2_1T;
					return 3;
				}
				z = x + 3 * PIO2_1;
				y[0] = z + THREE_PIO2_1T;
				y[1] = z - y[0] + THREE_PIO2_1T;
				return -3;
			}
			if (ix === TWO_PI_HIGH_WORD) return rempio2Medium(x, ix, y);
			if (hx > 0) {
				z = x - 4 * PIO2_1;
				y[0] = z - FOUR_PIO2_1T;
				y[1] = z - y[0] - FOUR_PIO2_1T;
				return 4;
			}
			z = x + 4 * PIO2_1;
			y[0] = z + FOUR_PIO2_1T;
			y[1] = z - y[0] + FOUR_PIO2_1T;
			return -4;
		}
		if (ix < MEDIUM) return rempio2Medium(x, ix, y);
		if (ix >= EXPONENT_MASK) {
			y[0] = NaN;
			y[1] = NaN;
			return 0;
		}
		low = getLowWord(x);
		e0 = (ix >> 20) - 1046;
		z = fromWords(ix - (e0 << 20 | 0), low);
		for (i = 0; i < 2; i++) {
			TX[i] = z | 0;
			z = (z - TX[i]) * TWO24;
		}
		TX[2] = z;
		nx = 3;
		while (TX[nx - 1] === ZERO) nx -= 1;
		n = rempio2Kernel(TX, TY, e0, nx, 1);
		if (hx < 0) {
			y[0] = -TY[0];
			y[1] = -TY[1];
			return -n;
		}
		y[0] = TY[0];
		y[1] = TY[1];
		return n;
	}
	module.exports = rempio2;
}));
// node_modules/@stdlib/math-base-special-rempio2/lib/index.js
var require_lib$4 = __commonJSMin(((exports, module) => {
	module.exports = require_main$7();
}));
// node_modules/@stdlib/math-base-special-sin/lib/main.js
var require_main$6 = __commonJSMin(((exports, module) => {
	var HIGH_WORD_ABS_MASK = require_lib$33();
	var HIGH_WORD_EXPONENT_MASK = require_lib$24();
	var getHighWord = require_lib$30();
	var kernelCos = require_lib$10();
	var kernelSin = require_lib$9();
	var rempio2 = require_lib$4();
	var PIO4_HIGH_WORD = 1072243195;
	var SMALL_HIGH_WORD = 1045430272;
	var Y = [0, 0];
	function sin(x) {
		var ix;
		var n;
		ix = getHighWord(x);
		ix &= HIGH_WORD_ABS_MASK;
		if (ix <= PIO4_HIGH_WORD) {
			if (ix < SMALL_HIGH_WORD) return x;
			return kernelSin(x, 0);
		}
		if (ix >= HIGH_WORD_EXPONENT_MASK) return NaN;
		n = rempio2(x, Y);
		switch (n & 3) {
			case 0: return kernelSin(Y[0], Y[1]);
			case 1: return kernelCos(Y[0], Y[1]);
			case 2: return -kernelSin(Y[0], Y[1]);
			default: return -kernelCos(Y[0], Y[1]);
		}
	}
	module.exports = sin;
}));
// node_modules/@stdlib/math-base-special-cos/lib/main.js
var require_main$5 = __commonJSMin(((exports, module) => {
	var getHighWord = require_lib$30();
	var kernelCos = require_lib$10();
	var kernelSin = require_lib$9();
	var rempio2 = require_lib$4();
	var ABS_MASK = require_lib$33();
	var EXPONENT_MASK = require_lib$24();
	var buffer = [0, 0];
	var HIGH_WORD_PIO4 = 1072243195;
	var HIGH_WORD_TWO_NEG_27 = 1044381696;
	function cos(x) {
		var ix;
		var n;
		ix = getHighWord(x);
		ix &= ABS_MASK;
		if (ix <= HIGH_WORD_PIO4) {
			if (ix < HIGH_WORD_TWO_NEG_27) return 1;
			return kernelCos(x, 0);
		}
		if (ix >= EXPONENT_MASK) return NaN;
		n = rempio2(x, buffer);
		switch (n & 3) {
			case 0: return kernelCos(buffer[0], buffer[1]);
			case 1: return -kernelSin(buffer[0], buffer[1]);
			case 2: return -kernelCos(buffer[0], buffer[1]);
			default: return kernelSin(buffer[0], buffer[1]);
		}
	}
	module.exports = cos;
}));
// node_modules/@stdlib/math-base-special-kernel-tan/lib/polyval_t_odd.js
var require_polyval_t_odd = __commonJSMin(((exports, module) => {
	function evalpoly(x) {
		if (x === 0) return .13333333333320124;
		return .13333333333320124 + x * (.021869488294859542 + x * (.0035920791075913124 + x * (.0005880412408202641 + x * (7817944429395571e-20 + x * -18558637485527546e-21))));
	}
	module.exports = evalpoly;
}));
// node_modules/@stdlib/math-base-special-kernel-tan/lib/polyval_t_even.js
var require_polyval_t_even = __commonJSMin(((exports, module) => {
	function evalpoly(x) {
		if (x === 0) return .05396825397622605;
		return .05396825397622605 + x * (.0088632398235993 + x * (.0014562094543252903 + x * (.0002464631348184699 + x * (7140724913826082e-20 + x * 2590730518636337e-20))));
	}
	module.exports = evalpoly;
}));
// node_modules/@stdlib/math-base-special-kernel-tan/lib/main.js
var require_main$4 = __commonJSMin(((exports, module) => {
	var getHighWord = require_lib$30();
	var setLowWord = require_lib$20();
	var polyvalOdd = require_polyval_t_odd();
	var polyvalEven = require_polyval_t_even();
	var PIO4 = .7853981633974483;
	var PIO4LO = 3061616997868383e-32;
	var T0 = .3333333333333341;
	var HIGH_WORD_ABS_MASK = 2147483647;
	function kernelTan(x, y, k) {
		var hx;
		var ix;
		var a;
		var r;
		var s;
		var t;
		var v;
		var w;
		var z;
		hx = getHighWord(x);
		ix = hx & HIGH_WORD_ABS_MASK | 0;
		if (ix >= 1072010280) {
			if (x < 0) {
				x = -x;
				y = -y;
			}
			z = PIO4 - x;
			w = PIO4LO - y;
			x = z + w;
			y = 0;
		}
		z = x * x;
		w = z * z;
		r = polyvalOdd(w);
		v = z * polyvalEven(w);
		s = z * x;
		r = y + z * (s * (r + v) + y);
		r += T0 * s;
		w = x + r;
		if (ix >= 1072010280) {
			v = k;
			return (1 - (hx >> 30 & 2)) * (v - 2 * (x - (w * w / (w + v) - r)));
		}
		if (k === 1) return w;
		z = setLowWord(w, 0);
		v = r - (z - x);
		a = -1 / w;
		t = setLowWord(a, 0);
		s = 1 + t * z;
		return t + a * (s + t * v);
	}
	module.exports = kernelTan;
}));
// node_modules/@stdlib/math-base-special-kernel-tan/lib/index.js
var require_lib$3 = __commonJSMin(((exports, module) => {
	module.exports = require_main$4();
}));
// node_modules/@stdlib/math-base-special-tan/lib/main.js
var require_main$3 = __commonJSMin(((exports, module) => {
	var getHighWord = require_lib$30();
	var kernelTan = require_lib$3();
	var rempio2 = require_lib$4();
	var HIGH_WORD_ABS_MASK = require_lib$33();
	var HIGH_WORD_EXPONENT_MASK = require_lib$24();
	var buffer = [0, 0];
	var HIGH_WORD_PIO4 = 1072243195;
	var HIGH_WORD_TWO_NEG_27 = 1044381696;
	function tan(x) {
		var ix;
		var n;
		ix = getHighWord(x);
		ix &= HIGH_WORD_ABS_MASK;
		if (ix <= HIGH_WORD_PIO4) {
			if (ix < HIGH_WORD_TWO_NEG_27) return x;
			return kernelTan(x, 0, 1);
		}
		if (ix >= HIGH_WORD_EXPONENT_MASK) return NaN;
		n = rempio2(x, buffer);
		return kernelTan(buffer[0], buffer[1], 1 - ((n & 1) << 1));
	}
	module.exports = tan;
}));
// node_modules/@stdlib/constants-float64-fourth-pi/lib/index.js
var require_lib$2 = __commonJSMin(((exports, module) => {
	module.exports = .7853981633974483;
}));
// node_modules/@stdlib/math-base-special-asin/lib/rational_pq.js
var require_rational_pq = __commonJSMin(((exports, module) => {
	function evalrational(x) {
		var ax;
		var s1;
		var s2;
		if (x === 0) return .16666666666666713;
		if (x < 0) ax = -x;
		else ax = x;
		if (ax <= 1) {
			s1 = -8.198089802484825 + x * (19.562619833175948 + x * (-16.262479672107002 + x * (5.444622390564711 + x * (-.6019598008014124 + x * .004253011369004428))));
			s2 = -49.18853881490881 + x * (139.51056146574857 + x * (-147.1791292232726 + x * (70.49610280856842 + x * (-14.740913729888538 + x * 1))));
		} else {
			x = 1 / x;
			s1 = .004253011369004428 + x * (-.6019598008014124 + x * (5.444622390564711 + x * (-16.262479672107002 + x * (19.562619833175948 + x * -8.198089802484825))));
			s2 = 1 + x * (-14.740913729888538 + x * (70.49610280856842 + x * (-147.1791292232726 + x * (139.51056146574857 + x * -49.18853881490881))));
		}
		return s1 / s2;
	}
	module.exports = evalrational;
}));
// node_modules/@stdlib/math-base-special-asin/lib/rational_rs.js
var require_rational_rs = __commonJSMin(((exports, module) => {
	function evalrational(x) {
		var ax;
		var s1;
		var s2;
		if (x === 0) return .08333333333333809;
		if (x < 0) ax = -x;
		else ax = x;
		if (ax <= 1) {
			s1 = 28.536655482610616 + x * (-25.56901049652825 + x * (6.968710824104713 + x * (-.5634242780008963 + x * .002967721961301243)));
			s2 = 342.43986579130785 + x * (-383.8770957603691 + x * (147.0656354026815 + x * (-21.947795316429207 + x * 1)));
		} else {
			x = 1 / x;
			s1 = .002967721961301243 + x * (-.5634242780008963 + x * (6.968710824104713 + x * (-25.56901049652825 + x * 28.536655482610616)));
			s2 = 1 + x * (-21.947795316429207 + x * (147.0656354026815 + x * (-383.8770957603691 + x * 342.43986579130785)));
		}
		return s1 / s2;
	}
	module.exports = evalrational;
}));
// node_modules/@stdlib/math-base-special-asin/lib/main.js
var require_main$2 = __commonJSMin(((exports, module) => {
	var isnan = require_lib$45();
	var sqrt = require_lib$14();
	var PIO4 = require_lib$2();
	var ratevalPQ = require_rational_pq();
	var ratevalRS = require_rational_rs();
	var MOREBITS = 6123233995736766e-32;
	function asin(x) {
		var sgn;
		var zz;
		var a;
		var p;
		var z;
		if (isnan(x)) return NaN;
		if (x > 0) a = x;
		else {
			sgn = true;
			a = -x;
		}
		if (a > 1) return NaN;
		if (a > .625) {
			zz = 1 - a;
			p = zz * ratevalRS(zz);
			zz = sqrt(zz + zz);
			z = PIO4 - zz;
			zz = zz * p - MOREBITS;
			z -= zz;
			z += PIO4;
		} else {
			if (a < 1e-8) return x;
			zz = a * a;
			z = zz * ratevalPQ(zz);
			z = a * z + a;
		}
		return sgn ? -z : z;
	}
	module.exports = asin;
}));
// node_modules/@stdlib/math-base-special-asin/lib/index.js
var require_lib$1 = __commonJSMin(((exports, module) => {
	module.exports = require_main$2();
}));
// node_modules/@stdlib/math-base-special-acos/lib/main.js
var require_main$1 = __commonJSMin(((exports, module) => {
	var isnan = require_lib$45();
	var asin = require_lib$1();
	var sqrt = require_lib$14();
	var PIO4 = require_lib$2();
	var MOREBITS = 6123233995736766e-32;
	function acos(x) {
		var z;
		if (isnan(x)) return NaN;
		if (x < -1 || x > 1) return NaN;
		if (x > .5) return 2 * asin(sqrt(.5 - .5 * x));
		z = PIO4 - asin(x);
		z += MOREBITS;
		z += PIO4;
		return z;
	}
	module.exports = acos;
}));
// node_modules/@stdlib/constants-float64-half-pi/lib/index.js
var require_lib = __commonJSMin(((exports, module) => {
	module.exports = 1.5707963267948966;
}));
// node_modules/@stdlib/math-base-special-atan/lib/polyval_p.js
var require_polyval_p = __commonJSMin(((exports, module) => {
	function evalpoly(x) {
		if (x === 0) return -64.85021904942025;
		return -64.85021904942025 + x * (-122.88666844901361 + x * (-75.00855792314705 + x * (-16.157537187333652 + x * -.8750608600031904)));
	}
	module.exports = evalpoly;
}));
// node_modules/@stdlib/math-base-special-atan/lib/polyval_q.js
var require_polyval_q = __commonJSMin(((exports, module) => {
	function evalpoly(x) {
		if (x === 0) return 194.5506571482614;
		return 194.5506571482614 + x * (485.3903996359137 + x * (432.88106049129027 + x * (165.02700983169885 + x * (24.858464901423062 + x * 1))));
	}
	module.exports = evalpoly;
}));
// node_modules/@stdlib/math-base-special-atan/lib/main.js
var require_main = __commonJSMin(((exports, module) => {
	var isnan = require_lib$45();
	var PINF = require_lib$40();
	var PIO2 = require_lib();
	var PIO4 = require_lib$2();
	var NINF = require_lib$41();
	var polyvalP = require_polyval_p();
	var polyvalQ = require_polyval_q();
	var MOREBITS = 6123233995736766e-32;
	var T3P8 = 2.414213562373095;
	function atan(x) {
		var flg;
		var sgn;
		var y;
		var z;
		if (isnan(x) || x === 0) return x;
		if (x === PINF) return PIO2;
		if (x === NINF) return -PIO2;
		if (x < 0) {
			sgn = true;
			x = -x;
		}
		flg = 0;
		if (x > T3P8) {
			y = PIO2;
			flg = 1;
			x = -(1 / x);
		} else if (x <= .66) y = 0;
		else {
			y = PIO4;
			flg = 2;
			x = (x - 1) / (x + 1);
		}
		z = x * x;
		z = z * polyvalP(z) / polyvalQ(z);
		z = x * z + x;
		if (flg === 2) z += .5 * MOREBITS;
		else if (flg === 1) z += MOREBITS;
		y += z;
		return sgn ? -y : y;
	}
	module.exports = atan;
}));
// entry.js
var import_main = __toESM(require_main$26());
var import_main$1 = __toESM(require_main$24());
var import_main$2 = __toESM(require_main$21());
var import_main$3 = __toESM(require_main$20());
var import_main$4 = __toESM(require_main$14());
var import_main$5 = __toESM(require_main$6());
var import_main$6 = __toESM(require_main$5());
var import_main$7 = __toESM(require_main$3());
var import_main$8 = __toESM(require_main$2());
var import_main$9 = __toESM(require_main$1());
var import_main$10 = __toESM(require_main());
const functions = {
	exp: import_main.default,
	log: import_main$1.default,
	log2: import_main$2.default,
	log10: import_main$3.default,
	pow: import_main$4.default,
	sin: import_main$5.default,
	cos: import_main$6.default,
	tan: import_main$7.default,
	asin: import_main$8.default,
	acos: import_main$9.default,
	atan: import_main$10.default
};
export const ELEMENTARY_FUNCTIONS: ElementaryFunctions = functions;

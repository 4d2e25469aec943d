// Writes the shape of a configuration file, as JSON, from the Go source of the program that reads it: which keys each section has, and what
// their values are. It only parses: nothing of the program is compiled.
//
//	./write         both files of src/lint/shapes, from the modules of test/servers
//
// ROOT, the type of the whole file, is the first argument; the others are PACKAGE=FOLDER, the name of a package in the source.
package main

import (
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"reflect"
	"sort"
	"strings"
)

// What a type of Go is in YAML, where its declaration does not say so: it reads itself from a text.
var leaves = map[string]string{
	"string": "text", "bool": "bool", "int": "int", "int64": "int", "uint": "count", "uint16": "count", "uint32": "count", "uint64": "count", "int32": "int",
	"float64": "float", "any": "any", "interface{}": "any", "uint8": "count", "byte": "count",
	"time.Duration": "goDuration", "model.Duration": "duration", "model.LabelName": "labelName", "model.LabelValue": "text",
	"model.LabelSet": "{text}", "labels.Labels": "{text}", "units.Base2Bytes": "size", "timeinterval.TimeInterval": "timeinterval.TimeInterval",
	"relabel.Regexp": "regexp", "relabel.Action": "text", "config.Secret": "secret", "config.URL": "url", "urlutil.URL": "url",
	"commoncfg.Secret": "secret", "commoncfg.URL": "url", "amcommoncfg.URL": "url", "amcommoncfg.SecretURL": "secretUrl", "amcommoncfg.SecretTemplateURL": "secretUrl", "amcommoncfg.HostPort": "hostPort",
	"config.HostPort": "hostPort", "amcommoncfg.Matchers": "[text]", "amcommoncfg.MatchRegexps": "{regexp}", "amcommoncfg.Regexp": "regexp", "Header": "any",
	"config.Header": "any", "commoncfg.Header": "any", "config.ProxyHeader": "{[secret]}", "ProxyHeader": "{[secret]}", "TLSVersion": "text", "config.TLSVersion": "text", "netip.Prefix": "text",
	"template.URL": "url", "net.IP": "text", "yaml.MapSlice": "any", "json.RawMessage": "any", "url.URL": "url", "url.Values": "{[text]}",
	"Location": "text", "timeinterval.Location": "text", "targetgroup.Group": "targetGroup", "discovery.Configs": "discovery",
	"model.LabelNames": "[labelName]", "model.ValidationScheme": "text", "config_util.Secret": "secret", "remoteapi.WriteMessageType": "text",
	"otlptranslator.TranslationStrategyOption": "text", "am.HostPort": "hostPort", "timeinterval.DayOfMonthRange": "text", "timeinterval.MonthRange": "text",
	"timeinterval.WeekdayRange": "text", "timeinterval.YearRange": "text", "timeinterval.TimeRange": "timeRange", "http.Client": "any",
	"secret.Secret": "secret", "yaml.Node": "any", "ModifiableHTTPHeaders": "any", "kafka.Brokers": "[text]",
}

var (
	types    = map[string]*ast.TypeSpec{}
	discover = map[string]string{}
	shapes   = map[string]map[string]string{}
)

func main() {
	folders := map[string]string{}
	for _, argument := range os.Args[2:] {
		name, folder, _ := strings.Cut(argument, "=")
		folders[name] = folder
	}
	for name, folder := range folders {
		read(name, folder)
	}
	shape(os.Args[1])
	names := make([]string, 0, len(shapes))
	for name := range shapes {
		names = append(names, name)
	}
	sort.Strings(names)
	fmt.Printf("{\n  \"root\": %q,\n  \"sections\": {\n", os.Args[1])
	for index, name := range names {
		keys, err := json.Marshal(shapes[name])
		if err != nil {
			panic(err)
		}
		comma := ","
		if index == len(names)-1 {
			comma = ""
		}
		fmt.Printf("    %q: %s%s\n", name, keys, comma)
	}
	fmt.Println("  }\n}")
}

// read collects the types of a folder, and the names of service discoveries.
func read(name, folder string) {
	entries, err := os.ReadDir(folder)
	if err != nil {
		panic(err)
	}
	for _, entry := range entries {
		if entry.IsDir() || !strings.HasSuffix(entry.Name(), ".go") || strings.HasSuffix(entry.Name(), "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), filepath.Join(folder, entry.Name()), nil, 0)
		if err != nil {
			panic(err)
		}
		for _, declaration := range file.Decls {
			readDeclaration(name, declaration)
		}
	}
}

func readDeclaration(name string, declaration ast.Decl) {
	switch found := declaration.(type) {
	case *ast.GenDecl:
		for _, spec := range found.Specs {
			if spec, isType := spec.(*ast.TypeSpec); isType {
				types[name+"."+spec.Name.Name] = spec
			}
		}
	case *ast.FuncDecl:
		if found.Name.Name != "Name" || found.Recv == nil || len(found.Body.List) != 1 {
			return
		}
		answer, isReturn := found.Body.List[0].(*ast.ReturnStmt)
		if !isReturn || len(answer.Results) != 1 {
			return
		}
		receiver := strings.TrimPrefix(text(found.Recv.List[0].Type), "*")
		if literal, isLiteral := answer.Results[0].(*ast.BasicLit); isLiteral && strings.HasSuffix(receiver, "SDConfig") {
			discover[strings.Trim(literal.Value, `"`)+"_sd_configs"] = name + "." + receiver
		}
	}
}

// shape gives the name of what a type is in YAML, and describes its section if it is one.
func shape(name string) string {
	if leaf, isLeaf := leaves[name]; isLeaf && leaf != name {
		return leaf
	}
	short := name[strings.LastIndex(name, ".")+1:]
	if leaf, isLeaf := leaves[short]; isLeaf && !strings.Contains(leaf, ".") {
		if _, isOwn := types[name]; !isOwn || short == "Header" || short == "ProxyHeader" || short == "TLSVersion" {
			return leaf
		}
	}
	spec, isKnown := types[name]
	if !isKnown {
		fmt.Fprintln(os.Stderr, "not known:", name)
		return "any"
	}
	packageName := name[:strings.LastIndex(name, ".")]
	section, isStruct := spec.Type.(*ast.StructType)
	if !isStruct {
		return shapeOf(packageName, spec.Type)
	}
	if _, isDone := shapes[name]; isDone {
		return name
	}
	keys := map[string]string{}
	shapes[name] = keys
	fields(packageName, section, keys)
	return name
}

func fields(packageName string, section *ast.StructType, keys map[string]string) {
	for _, field := range section.Fields.List {
		tag := ""
		if field.Tag != nil {
			tag = reflect.StructTag(strings.Trim(field.Tag.Value, "`")).Get("yaml")
		}
		key, rest, _ := strings.Cut(tag, ",")
		if strings.Contains(rest, "inline") {
			inline(packageName, field.Type, keys)
			continue
		}
		if text(field.Type) == "discovery.Configs" {
			for name, config := range discover {
				keys[name] = "[" + shape(config) + "]"
			}
			keys["static_configs"] = "[targetGroup]"
			continue
		}
		if key == "-" || len(field.Names) == 0 || !field.Names[0].IsExported() {
			continue
		}
		if key == "" {
			key = strings.ToLower(field.Names[0].Name)
		}
		keys[key] = shapeOf(packageName, field.Type)
	}
}

// inline names a section whose keys stand among these, under the key "...".
func inline(packageName string, expression ast.Expr, keys map[string]string) {
	name := strings.TrimPrefix(text(expression), "*")
	if !strings.Contains(name, ".") {
		name = packageName + "." + name
	}
	if _, isMap := expression.(*ast.MapType); isMap {
		keys["*"] = "any"
		return
	}
	if name = strings.Replace(name, "config_util.", "config.", 1); types[name] == nil {
		panic("not known, inline: " + name)
	}
	keys["..."] = strings.TrimSpace(keys["..."] + " " + shape(name))
}

func shapeOf(packageName string, expression ast.Expr) string {
	switch found := expression.(type) {
	case *ast.StarExpr:
		return shapeOf(packageName, found.X)
	case *ast.ArrayType:
		if name := text(found.Elt); name == "byte" {
			return "text"
		}
		return "[" + shapeOf(packageName, found.Elt) + "]"
	case *ast.MapType:
		return "{" + shapeOf(packageName, found.Value) + "}"
	case *ast.InterfaceType:
		return "any"
	}
	name := text(expression)
	if _, isLeaf := leaves[name]; isLeaf || strings.Contains(name, ".") {
		return shape(name)
	}
	return shape(packageName + "." + name)
}

func text(expression ast.Expr) string {
	switch found := expression.(type) {
	case *ast.Ident:
		return found.Name
	case *ast.SelectorExpr:
		return text(found.X) + "." + found.Sel.Name
	case *ast.StarExpr:
		return "*" + text(found.X)
	case *ast.ArrayType:
		return "[]" + text(found.Elt)
	case *ast.InterfaceType:
		return "interface{}"
	}
	return fmt.Sprintf("%T", expression)
}
